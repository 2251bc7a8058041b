import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createLockService, type LockMode, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { bothStores, inTests } from '../support/stores.js';

/** The ways to take a lock from its holder behind its back; `key` is that of an exclusive holder. */
const THEFTS: [string, LockMode, (redis: Redis, key: string) => Promise<unknown>][] = [
  ['deletes the key', 'exclusive', (redis, key) => redis.del(key)],
  ['overwrites the key', 'exclusive', (redis, key) => redis.set(key, 'somebody else', 'PX', 60_000)],
  ['overwrites the key for ever', 'exclusive', (redis, key) => redis.set(key, 'somebody else')],
  ['deletes the key of the shared holders', 'shared', (redis, key) => redis.del(`${key}:shared`)],
  ['removes the shared holders', 'shared', (redis, key) => redis.zremrangebyrank(`${key}:shared`, 0, -1)],
];

describe('trap 11: somebody takes the key away during the work, and the work ends as if nothing had happened', () => {
  const redis = useRedis();
  const keyOf = (name: string): string => `lock:{${name}}`;

  /** It hears its messages already, so that only a renewal makes it look at a lock. */
  async function ready(): Promise<LockService> {
    const service = await createLockService({ redis: redis.url, ...inTests });
    await service.run(unique('warm-up'), async () => {});
    await until(async () => (await redis.client.pubsub('CHANNELS', 'lock:wake:*')).length > 0);
    await service.run(unique('warm-up'), async () => {});
    return service;
  }

  describe.each(THEFTS)('when somebody %s (%s)', (_, mode, steal) => {
    it('the signal aborts at the next renewal, and the caller gets the error with the result', async () => {
      await using service = await ready();
      const name = unique('lock');
      const run = service.run(name, { mode, ttl: 1_500 }, async (lock) => {
        const { signal } = lock;
        await steal(redis.client, keyOf(name));
        await until(() => signal.aborted);
        expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'taken', lockName: name });
        expect([lock.held, lock.remaining()]).toEqual([false, 0]);
        await expect(lock.extend()).rejects.toMatchObject({ code: 'LOCK_LOST' });
        return 'receipt';
      });
      await expect(run).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'taken', result: 'receipt' });
    });

    it('the caller gets the error also when the work ends before the next renewal', async () => {
      await using service = await ready();
      const name = unique('lock');
      const run = service.run(name, { mode, ttl: '1h' }, async () => {
        await steal(redis.client, keyOf(name));
        return 'receipt';
      });
      await expect(run).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'taken', result: 'receipt' });
    });

    it('release() and extend() say so', async () => {
      await using service = await ready();
      const [first, second] = [unique('lock'), unique('lock')];
      const [released, extended] = [await service.acquire(first, { mode }), await service.acquire(second, { mode })];
      for (const name of [first, second]) await steal(redis.client, keyOf(name));
      expect(await released.release()).toBe(false);
      await expect(extended.extend()).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'taken' });
      expect(extended.signal.aborted).toBe(true);
    });
  });

  it('of several names, the one that was taken is named, and the other one is given back', async () => {
    await using service = await ready();
    const [a, b] = [unique('a'), unique('b')];
    const run = service.run([a, b], { ttl: 1_500 }, async ({ signal }) => {
      await redis.client.del(keyOf(b));
      await until(() => signal.aborted);
    });
    await expect(run).rejects.toMatchObject({ code: 'LOCK_LOST', lockName: b });
    expect((await service.inspect(a)).holders).toEqual([]);
  });

  it('what somebody else wrote to the key is neither released nor renewed nor given another ttl', async () => {
    await using service = await ready();
    const name = unique('lock');
    await expect(
      service.run(name, { ttl: 1_500 }, async ({ signal }) => {
        await redis.client.set(keyOf(name), 'somebody else', 'PX', 3_600_000);
        await until(() => signal.aborted);
      }),
    ).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(await redis.client.get(keyOf(name))).toBe('somebody else');
    expect(await redis.client.pttl(keyOf(name))).toBeGreaterThan(3_500_000);
    expect(await service.tryAcquire(name)).toBeNull();
  });

  it('a key that was overwritten by another type is a loss at the end of the lease', async () => {
    await using service = await ready();
    const name = unique('lock');
    const { signal } = await service.acquire(name, { ttl: 600 });
    await redis.client.multi().del(keyOf(name)).rpush(keyOf(name), 'a list').exec();
    await until(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST' });
  });

  it('a Redis that comes back without its data is noticed, and the others may have the lock', async () => {
    await using server = await RedisServer.start();
    await using service = await createLockService({ redis: server.url, ...inTests });
    const { signal } = await service.acquire('lock', { ttl: '20s' });
    await server.restart();
    await until(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'taken' });
    expect((await service.acquire('lock', { wait: 0 })).held).toBe(true);
  });

  it.each(bothStores(redis))(
    'a release by force aborts the signal at once, and is told with the result ($name)',
    async (store) => {
      const shared = store.shared();
      await using service = await createLockService(shared);
      await using operator = await createLockService(shared);
      const name = unique('lock');
      await service.run(unique('warm-up'), async () => {});
      const run = service.run(name, { ttl: '1h' }, async ({ signal }) => {
        await operator.forceRelease(name);
        await until(() => signal.aborted);
        expect((await operator.acquire(name, { wait: 0 })).held).toBe(true);
        return 'receipt';
      });
      await expect(run).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'forced', result: 'receipt' });
      expect((await operator.inspect(name)).holders).toHaveLength(1);
    },
  );
});
