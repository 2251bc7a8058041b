import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Claim } from '../../lib/core/lock-store.js';
import { runtime } from '../../lib/core/runtime.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { quiet } from '../support/stores.js';

const DAY_MS = 86_400_000;
const LONG_MS = 10 * DAY_MS;
const ORDINARY_MS = 15_000;

describe('F17: the fence lives a day longer than the leases that it has numbered', () => {
  const redis = useRedis();
  let namespace: string;
  let store: RedisLockStore;

  const open = async () => {
    const connection = await Connection.open(redis.url, quiet);
    return new RedisLockStore({ connection, namespace, commandTimeout: 5_000, logger: quiet });
  };
  beforeEach(async () => {
    namespace = unique('ns');
    store = await open();
  });
  afterEach(() => store.close());

  const fence = () => `${namespace}:fence`;
  const claimOf = (owner: string, claim: Partial<Claim>): Claim => ({
    ...{ name: 'job', owner, permits: 0, ttl: ORDINARY_MS, alive: 0, ticket: 0, attempt: 1, block: 1 },
    ...claim,
  });
  const acquire = (owner: string, claim: Partial<Claim> = {}) => store.acquire(claimOf(owner, claim));
  const owned = { name: 'job', owner: 'a#1' };

  it.each([0, 5])('by whatever a long lease begins (permits %i)', async (permits) => {
    const leases: Record<string, () => Promise<unknown>> = {
      grant: () => acquire('a#1', { permits, ttl: LONG_MS }),
      'beside a shorter one': async () => {
        await acquire('a#1', { permits: 5 });
        await acquire('a#2', { permits: 5, ttl: LONG_MS });
      },
      renewal: async () => {
        await acquire('a#1', { permits });
        await store.renew({ ...owned, ttl: LONG_MS });
      },
      'asking again': async () => {
        await acquire('a#1', { permits });
        await acquire('a#1', { permits, ttl: LONG_MS, attempt: 2 });
      },
      'kept after the release': async () => {
        await acquire('a#1', { permits });
        await store.release({ ...owned, retain: LONG_MS });
      },
      'out of the queue': async () => {
        await acquire('a#1');
        await acquire('a#2', { permits, ttl: LONG_MS, alive: 60_000 });
        await store.release({ ...owned, retain: 0 });
      },
      'tokens of a quorum': async () => {
        const { token } = (await acquire('a#1', { permits })) as { token: number };
        await store.raise({ ...owned, ttl: LONG_MS, token: token + 1_000 });
      },
      'kept after a mark': async () => {
        await acquire('a#1');
        await store.complete({ ...owned, remember: 60_000, retain: LONG_MS });
      },
      steal: () => store.steal(claimOf('a#1', { ttl: LONG_MS }), null),
    };
    for (const [how, begin] of Object.entries(leases)) {
      await begin();
      expect(await redis.client.pttl(fence()), how).toBeGreaterThan(LONG_MS + DAY_MS);
      // Grants of ordinary leases, of this process and of another one, do not shorten it.
      await using other = Object.assign(await open(), { [Symbol.asyncDispose]: () => other.close() });
      await other.acquire(claimOf('b#1', { name: 'another' }));
      await acquire('a#9', { name: 'one more' });
      expect(await redis.client.pttl(fence()), how).toBeGreaterThan(LONG_MS + DAY_MS);
      await redis.client.flushall();
    }
  });

  describe('a lease that is renewed for days', () => {
    const { monotonic } = runtime;
    afterEach(() => {
      runtime.monotonic = monotonic;
    });

    it.each([0, 5])('keeps the fence alive, at least once in an hour (permits %i)', async (permits) => {
      await acquire('a#1', { permits });
      let told = runtime.monotonic();
      for (let at = told; at < monotonic() + 3 * 3_600_000; at += ORDINARY_MS) {
        runtime.monotonic = () => at;
        await redis.client.pexpire(fence(), 60_000);
        expect(await store.renew({ ...owned, ttl: ORDINARY_MS })).toBe(true);
        if ((await redis.client.pttl(fence())) > DAY_MS + ORDINARY_MS) told = at;
        expect(at - told).toBeLessThan(3_600_000);
      }
      expect(told).toBeGreaterThan(monotonic() + 2 * 3_600_000);
    });

    it('tells it again after a reconnection, since the server may be another one', async () => {
      await acquire('a#1');
      await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal');
      await redis.client.pexpire(fence(), 60_000);
      expect(await until(() => store.renew({ ...owned, ttl: ORDINARY_MS }).catch(() => undefined))).toBe(true);
      expect(await redis.client.pttl(fence())).toBeGreaterThan(DAY_MS);
    });
  });
});
