import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runtime } from '../../lib/core/runtime.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { ScriptedLock } from '../support/lock-script.js';
import { unique, useRedis } from '../support/redis.js';
import { quiet } from '../support/stores.js';

const DAY_MS = 86_400_000;
const LONG_MS = 10 * DAY_MS;
const SHARED = { permits: 5 };

describe('F17: the fence lives a day longer than the leases that it has numbered', () => {
  const redis = useRedis();
  let lock: ScriptedLock;
  beforeEach(() => {
    lock = new ScriptedLock(redis.client);
  });

  const fenceLife = () => redis.client.pttl(lock.fence);
  const any = (operation: string[]) => lock.doAny(operation);

  const leases: [string, () => Promise<unknown>][] = [
    ['an exclusive grant', () => lock.do('acquire', 'a#1', { ttl: LONG_MS })],
    ['a shared grant', () => lock.do('acquire', 'a#1', { ...SHARED, ttl: LONG_MS })],
    [
      'a share beside another',
      async () => {
        await lock.do('acquire', 'a#1', SHARED);
        await lock.do('acquire', 'a#2', { ...SHARED, ttl: LONG_MS });
      },
    ],
    [
      'a share beside a longer one',
      async () => {
        await lock.do('acquire', 'a#1', { ...SHARED, ttl: LONG_MS });
        await lock.do('acquire', 'a#2', SHARED);
        await lock.do('renew', 'a#2');
      },
    ],
    ...[{}, SHARED].flatMap((mode): [string, () => Promise<unknown>][] => {
      const kind = 'permits' in mode ? 'shared' : 'exclusive';
      return [
        [
          `a longer lease (${kind})`,
          async () => {
            await lock.do('acquire', 'a#1', mode);
            await lock.do('renew', 'a#1', LONG_MS);
          },
        ],
        [
          `a longer lease by asking again (${kind})`,
          async () => {
            await lock.do('acquire', 'a#1', mode);
            await lock.do('acquire', 'a#1', { ...mode, ttl: LONG_MS });
          },
        ],
        [
          `what is kept after the release (${kind})`,
          async () => {
            await lock.do('acquire', 'a#1', mode);
            await lock.do('release', 'a#1', LONG_MS);
          },
        ],
        [
          `a grant out of the queue (${kind})`,
          async () => {
            await lock.do('acquire', 'a#1');
            await lock.do('acquire', 'a#2', { ...mode, alive: 60_000, ttl: LONG_MS });
            await redis.client.del(lock.holder);
            await lock.do('acquire', 'a#2', { ...mode, alive: 60_000, ttl: LONG_MS });
          },
        ],
        [
          `a provisional grant that is made whole (${kind})`,
          async () => {
            await lock.do('acquire', 'a#1');
            await lock.do('acquire', 'a#2', { ...mode, alive: 60_000, ttl: LONG_MS });
            await lock.do('release', 'a#1');
            await lock.do('acquire', 'a#2', { ...mode, alive: 60_000, ttl: LONG_MS });
          },
        ],
        [
          `the tokens of a quorum (${kind})`,
          async () => {
            const token = Number(await lock.do('acquire', 'a#1', mode));
            await any(['raise', String(LONG_MS), 'a#1', String(token + 1_000), '1']);
          },
        ],
      ];
    }),
    [
      'what is kept after a mark',
      async () => {
        await lock.do('acquire', 'a#1');
        await any(['complete', '60000', 'a#1', String(LONG_MS)]);
      },
    ],
    [
      'a steal',
      async () => {
        const token = await lock.do('acquire', 'a#1');
        await any(['steal', 'a#2', String(LONG_MS), '1', String(token)]);
      },
    ],
  ];
  it.each(leases)('%s', async (_, begin) => {
    await begin();
    expect(await fenceLife()).toBeGreaterThan(LONG_MS + DAY_MS - 60_000);
  });

  it.each([{}, SHARED])('a lease of any length that is prolonged now and then (%j)', async (mode) => {
    for (const ttl of [1_000, 15_000, 999_999, 1_000_000, 3_600_000, LONG_MS]) {
      await lock.do('acquire', 'a#1', { ...mode, ttl });
      await redis.client.pexpire(lock.fence, 60_000);
      expect(await any(['prolong', String(ttl), 'a#1'])).toBe(1);
      expect(await fenceLife()).toBeGreaterThan(ttl + DAY_MS);
      await lock.do('release', 'a#1');
    }
  });

  describe('a lease that is renewed for days', () => {
    const { monotonic } = runtime;
    afterEach(() => {
      runtime.monotonic = monotonic;
    });

    it.each([0, 5])('keeps the fence alive, by one renewal in an hour (permits %i)', async (permits) => {
      const connection = await Connection.open(redis.url, quiet);
      const namespace = unique('ns');
      const store = new RedisLockStore({ connection, namespace, commandTimeout: 5_000, logger: quiet });
      const fence = `${namespace}:{job}:fence`;
      const ttl = 15_000;
      const owned = { name: 'job', owner: 'a#1' };
      await store.acquire({ ...owned, permits, ttl, alive: 0, ticket: 0, attempt: 1, block: 1 });
      const hour = Math.ceil(monotonic() / 3_600_000) * 3_600_000;
      let prolonged = 0;
      // As a lease is renewed, every third of its ttl.
      for (let at = hour + 100; at < hour + 3 * 3_600_000; at += ttl / 3) {
        const inHour = at % 3_600_000;
        if (inHour > 30_000 && inHour < 3_570_000) continue;
        runtime.monotonic = () => at;
        await redis.client.pexpire(fence, 60_000);
        expect(await store.renew({ ...owned, ttl })).toBe(true);
        if ((await redis.client.pttl(fence)) > DAY_MS + ttl) prolonged += 1;
      }
      runtime.monotonic = monotonic;
      if (permits === 0) expect(prolonged).toBe(9);
      else expect(prolonged).toBeGreaterThanOrEqual(9);
      await store.close();
    });
  });
});
