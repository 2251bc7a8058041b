import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { operations, ScriptedLock, sendScript } from '../../../support/lock-script.js';
import { useRedis } from '../../../support/redis.js';

const OLD_SCRIPT = readFileSync(join(import.meta.dirname, '../../../fixtures/lock-script-0.1.0.lua'), 'utf8');
const TTL_MS = 60_000;

type Version = 'old' | 'new';
type Mode = 'exclusive' | 'shared';

describe('Processes of version 0.1.0 and of this one on one namespace', () => {
  const redis = useRedis();

  /** One lock, and owners of both versions. */
  class Both {
    readonly lock = new ScriptedLock(redis.client);

    async #old(operation: readonly string[]): Promise<string> {
      const { lock } = this;
      return String(
        await redis.client.eval(OLD_SCRIPT, 1, lock.holder, lock.channelPrefix, '', '', operation.join(' ')),
      );
    }

    async #fast(kind: 'acquire' | 'release', owner: string, terms = ''): Promise<string> {
      const { lock } = this;
      const [instance, seq] = owner.split('#');
      const call = {
        channelPrefix: lock.channelPrefix,
        instance: instance ?? '',
        terms,
        number: '1000',
        traces: 'traces',
      };
      const [reply] = await sendScript(redis.client, kind, [lock], [`#${seq}`], call);
      return String(reply);
    }

    async acquire(version: Version, owner: string, mode: Mode, alive: number): Promise<boolean> {
      const permits = mode === 'shared' ? 5 : 0;
      const acquire = operations.acquire(owner, { permits, alive, ttl: TTL_MS });
      const reply =
        version === 'old'
          ? await this.#old(acquire)
          : mode === 'exclusive'
            ? await this.#fast('acquire', owner, `${TTL_MS} 3 ${alive} 0`)
            : String(await this.lock.doAny(acquire));
      return /^([gn] )?\d/.test(reply);
    }

    async release(version: Version, owner: string): Promise<boolean> {
      const reply = version === 'old' ? await this.#old(operations.release(owner)) : await this.#fast('release', owner);
      return reply === '1';
    }

    async renew(version: Version, owner: string): Promise<boolean> {
      const renew = operations.renew(owner, TTL_MS);
      return (version === 'old' ? await this.#old(renew) : String(await this.lock.doAny(renew))) === '1';
    }
  }

  const owner = fc.record({
    version: fc.constantFrom<Version>('old', 'new'),
    seq: fc.integer({ min: 1, max: 3 }),
  });
  const step = fc.oneof(
    fc.record({
      do: fc.constant('acquire' as const),
      owner,
      mode: fc.constantFrom<Mode>('exclusive', 'shared'),
      alive: fc.constantFrom(0, 30_000),
    }),
    fc.record({ do: fc.constantFrom('release' as const, 'renew' as const), owner }),
  );

  it('never hold it together, but for sharers, and each renews and releases what it holds', async () => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
      const both = new Both();
      for (const each of steps) {
        const { version, seq } = each.owner;
        const id = `${version}#${seq}`;
        if (each.do === 'acquire') await both.acquire(version, id, each.mode, each.alive);
        else if (each.do === 'renew') await both.renew(version, id);
        else await both.release(version, id);
        // Whoever can renew holds it: also those that were granted it out of the queue by the other version.
        const held: string[] = [];
        for (const of of ['old', 'new'] as const) {
          for (const number of [1, 2, 3]) if (await both.renew(of, `${of}#${number}`)) held.push(`${of}#${number}`);
        }
        const [holder] = String((await redis.client.get(both.lock.holder)) ?? '').split(' ');
        const sharers = await redis.client.zrange(both.lock.shared, 0, '-1');
        expect(held.sort()).toEqual((holder ? [holder] : sharers).sort());
        if (holder) expect(sharers).toEqual([]);
      }
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('wait in one queue, and each grants to the other', async () => {
    for (const [holder, waiter] of [
      ['old', 'new'],
      ['new', 'old'],
    ] as const) {
      const both = new Both();
      expect(await both.acquire(holder, `${holder}#1`, 'exclusive', 0)).toBe(true);
      expect(await both.acquire(waiter, `${waiter}#1`, 'exclusive', 30_000)).toBe(false);
      expect(await both.acquire(holder, `${holder}#2`, 'exclusive', 30_000)).toBe(false);
      expect(await both.release(holder, `${holder}#1`)).toBe(true);
      expect(await both.renew(waiter, `${waiter}#1`)).toBe(true);
      expect(await both.release(waiter, `${waiter}#1`)).toBe(true);
      expect(await both.renew(holder, `${holder}#2`)).toBe(true);
    }
  });
});
