import { describe, expect, it } from 'vitest';
import {
  createLockService,
  type LockOptions,
  type LockService,
  type LockStore,
  MemoryLockStore,
} from '../../lib/index.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, quiet, type SlowLine } from '../support/stores.js';

const HOUR = 3_600_000;

describe("trap 9: an owner whose lease has ended releases the next owner's lock", () => {
  const redis = useRedis();

  describe.each(bothStores(redis))('in $name', (store) => {
    /** A lock that has ended, whose late release is held up, and the next holder of its name. */
    async function succession(way: SlowLine, options: LockOptions = {}) {
      const late = await createLockService({ ...way.slow, instance: 'late' });
      const next = await createLockService({ ...way.direct, instance: 'next' });
      const name = unique('lock');
      await late.run(unique('warm-up'), async () => {});
      const ended = await late.acquire(name, { ...options, ttl: 300, renew: false, holdAtLeast: 0 });
      way.line.holdRequests();
      const { signal } = ended;
      const current = await next.acquire(name, { ...options, ttl: '1h', wait: '20s' });
      await until(() => signal.aborted);
      return { late, next, name, ended, current };
    }

    /** Resolves when the late release, and all that came after it, has been answered. */
    async function letThrough(way: SlowLine, late: LockService): Promise<void> {
      way.line.release();
      await late.run(unique('afterwards'), async () => {});
      await late.close();
    }

    it.each<[string, LockOptions]>([
      ['an exclusive lock', {}],
      ['a shared lock', { mode: 'shared' }],
      ['a permit', { mode: 'shared', permits: 1 }],
    ])('the release of %s, which arrives when it is held again, changes nothing', async (_, options) => {
      await using way = await store.slowLine();
      const { late, next, name, ended, current } = await succession(way, options);
      expect(await ended.release()).toBe(false);
      await letThrough(way, late);
      await expectStillHeld(next, name, current.fencingToken);
      expect(await next.tryAcquire(name)).toBeNull();
      expect(await current.release()).toBe(true);
      await next.close();
    });

    it.each<[string, LockOptions]>([
      ['a lock', { holdAtLeast: '1h' }],
      ['a permit', { mode: 'shared', permits: 1, holdAtLeast: '1h' }],
    ])('its release does not free %s that the next owner has released but keeps back', async (_, options) => {
      await using way = await store.slowLine();
      const { late, next, name, current } = await succession(way, options);
      expect(await current.release()).toBe(true);
      await letThrough(way, late);
      expect((await next.inspect(name)).holders).toMatchObject([{ instance: 'next', retained: true }]);
      expect(await next.tryAcquire(name)).toBeNull();
      await next.close();
    });

    it('its extension is refused, and does not touch the lease of the next owner', async () => {
      await using way = await store.slowLine();
      const { late, next, name, ended, current } = await succession(way);
      await expect(ended.extend('1ms')).rejects.toMatchObject({ code: 'LOCK_LOST' });
      await letThrough(way, late);
      await expectStillHeld(next, name, current.fencingToken);
      await next.close();
    });

    it('a waiter that gives up withdraws nobody else', async () => {
      const shared = store.shared();
      await using impatient = await createLockService(shared);
      await using next = await createLockService({ ...shared, instance: 'next' });
      const name = unique('lock');
      const current = await next.acquire(name, { ttl: '1h' });
      await expect(impatient.acquire(name, { wait: 50 })).rejects.toMatchObject({ code: 'LOCK_BUSY' });
      await until(async () => (await next.inspect(name)).waiting.length === 0);
      await expectStillHeld(next, name, current.fencingToken);
    });

    it('a second release of a handle does not release what the same process holds next', async () => {
      const shared = store.shared();
      await using service = await createLockService({ ...shared, instance: 'next' });
      const name = unique('lock');
      const [first, second] = [await service.acquire(name), service.acquire(name, { ttl: '1h' })];
      expect(await first.release()).toBe(true);
      const current = await second;
      expect(await first.release()).toBe(true);
      await first[Symbol.asyncDispose]();
      expect(current.held).toBe(true);
      await expectStillHeld(service, name, current.fencingToken);
    });
  });

  describe.each<[string, () => LockStore | Promise<LockStore>]>([
    ['memory', () => new MemoryLockStore()],
    ['Redis', () => openRedisStore(redis.url)],
  ])('the store itself, %s', (_, open) => {
    it.each([
      ['an exclusive hold', 0],
      ['a permit', 1],
    ])('compares the owner in every operation on %s', async (_what, permits) => {
      const store = await open();
      const name = unique('lock');
      const [late, next] = [`${unique('late')}#1`, `${unique('next')}#1`];
      const claim = { name, permits, alive: 0, ticket: 0, attempt: 1, block: 1 };
      expect(await store.acquire({ ...claim, owner: late, ttl: 50 })).toMatchObject({ granted: true });
      await until(async () => (await store.inspect(name)).holders.length === 0);
      expect(await store.acquire({ ...claim, owner: next, ttl: HOUR })).toMatchObject({ granted: true });
      const before = await store.inspect(name);

      // Owners that begin alike are not the same.
      for (const owner of [late, next.slice(0, -1), `${next}1`]) {
        expect(await store.renew({ name, owner, ttl: 1 })).toBe(false);
        expect(await store.release({ name, owner, retain: 0 })).toBe(false);
        expect(await store.release({ name, owner, retain: 2 * HOUR })).toBe(false);
        await store.withdraw({ name, owner });
      }

      const { holders } = await store.inspect(name);
      expect(holders).toMatchObject([{ owner: next, token: before.holders[0]?.token, retained: false }]);
      expect(holders[0]?.remaining).toBeGreaterThan(HOUR / 2);
      expect(holders[0]?.remaining).toBeLessThanOrEqual(HOUR);
      await store.close?.();
    });
  });
});

async function expectStillHeld(service: LockService, name: string, token: number): Promise<void> {
  const { holders } = await service.inspect(name);
  expect(holders).toMatchObject([{ instance: 'next', token, retained: false }]);
  expect(holders[0]?.remaining).toBeGreaterThan(HOUR / 2);
}

async function openRedisStore(url: string): Promise<LockStore> {
  const connection = await Connection.open(url, quiet);
  return new RedisLockStore({
    connection,
    namespace: unique('ns'),
    commandTimeout: 5_000,
    logger: quiet,
  });
}
