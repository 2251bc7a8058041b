import { describe, expect, it, vi } from 'vitest';
import { createLockService, type LockService } from '../../lib/index.js';
import { Child } from '../support/child.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { down, FaultyStore, late } from '../support/faulty-store.js';
import { unique } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { quiet } from '../support/stores.js';

describe('trap 3: a failed renewal becomes an unhandled rejection', () => {
  describe('a process whose renewals fail', () => {
    it.each([
      ['killed', 'kill'],
      ['paused', 'pause'],
    ] as const)('lives on and is told of each loss when Redis is %s', async (_, breakRedis) => {
      await using redis = await RedisServer.start();
      await using child = await startChild(redis, { commandTimeout: 500 });
      const ids = ['a', 'b', 'c'];
      for (const [index, id] of ids.entries()) {
        await child.call('acquire', { name: id, options: { ttl: 1_500 + 300 * index } });
      }
      void child.call('run', { name: 'd', options: { ttl: 1_500 } });
      await child.waitFor('granted', 'd');
      await redis[breakRedis]();
      for (const id of [...ids, 'd']) {
        expect(await child.waitFor('lost', id)).toEqual({ id, code: 'LOCK_LOST', why: 'unavailable' });
      }
      await expectToLive(child);
    });

    it('lives on when Redis refuses its renewals', async () => {
      await using redis = await RedisServer.start({ acl: ['app on >secret ~* &* +@all'] });
      await using child = await startChild({ url: redis.urlAs('app', 'secret') });
      await child.call('acquire', { name: 'a', options: { ttl: 900 } });
      await redis.client().call('ACL', 'SETUSER', 'app', '-evalsha', '-eval');
      expect(await child.waitFor('lost', 'a')).toMatchObject({ code: 'LOCK_LOST' });
      await redis.client().call('ACL', 'SETUSER', 'app', '+@all');
      await expectToLive(child);
    });

    it('lives on when the key is gone', async () => {
      await using redis = await RedisServer.start();
      const namespace = unique('ns');
      await using child = await startChild(redis, { namespace });
      await child.call('acquire', { name: 'a', options: { ttl: 900 } });
      await redis.client().del(`${namespace}:{a}`);
      expect(await child.waitFor('lost', 'a')).toMatchObject({ why: 'taken' });
      await expectToLive(child);
    });
  });

  it('a lock is kept through an outage that is shorter than its lease', async () => {
    await using redis = await RedisServer.start({ persistent: true });
    await using service = await createLockService({ redis: redis.url, logger: quiet, commandTimeout: 500 });
    const lock = await service.acquire('lock', { ttl: '6s' });
    const { signal } = lock;
    // The first renewal is due, and fails, within the outage.
    await redis.kill();
    await until(() => lock.remaining() < 3_500, { within: 20_000 });
    await redis.restart();
    await until(() => lock.remaining() > 5_000 || signal.aborted, { within: 20_000 });
    expect(lock.held).toBe(true);
    expect(signal.aborted).toBe(false);
    expect(await lock.release()).toBe(true);
  });

  describe('in fake time', () => {
    useFakeTime();

    async function openOn(faulty: FaultyStore): Promise<LockService> {
      return createLockService({ store: faulty.store, logger: quiet });
    }

    it('errors are retried until the local deadline, then the lock is lost', async () => {
      const faulty = new FaultyStore();
      await using service = await openOn(faulty);
      faulty.faults.renew = down;
      const lock = await service.acquire('lock', { ttl: 3_000 });
      const { signal } = lock;
      await vi.advanceTimersByTimeAsync(2_990);
      expect(faulty.count('renew')).toBeGreaterThan(10);
      expect(lock.held).toBe(true);
      expect(signal.aborted).toBe(false);
      await vi.advanceTimersByTimeAsync(11);
      expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
      const count = faulty.count('renew');
      await vi.advanceTimersByTimeAsync(10_000);
      expect(faulty.count('renew')).toBe(count);
    });

    it('one success in the last moment keeps the lock', async () => {
      const faulty = new FaultyStore();
      await using service = await openOn(faulty);
      faulty.faults.renew = down;
      const lock = await service.acquire('lock', { ttl: 3_000 });
      const { signal } = lock;
      await vi.advanceTimersByTimeAsync(2_850);
      delete faulty.faults.renew;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(signal.aborted).toBe(false);
      expect(await lock.release()).toBe(true);
    });

    it('a renewal that is not answered before the deadline is lost as unavailable, and its late "yes" changes nothing', async () => {
      const faulty = new FaultyStore();
      await using service = await openOn(faulty);
      faulty.faults.renew = late(5_000);
      const lock = await service.acquire('lock', { ttl: 3_000 });
      const { signal } = lock;
      await vi.advanceTimersByTimeAsync(3_001);
      expect(signal.reason).toMatchObject({ why: 'unavailable' });
      await vi.advanceTimersByTimeAsync(10_000);
      expect(lock.held).toBe(false);
      expect(await lock.release()).toBe(false);
    });

    it('a rejection without an error is an error like any other', async () => {
      const faulty = new FaultyStore();
      await using service = await openOn(faulty);
      const { signal } = await service.acquire('lock', { ttl: 3_000 });
      faulty.faults.renew = () => Promise.reject(undefined);
      faulty.faults.release = () => Promise.reject(undefined);
      await vi.advanceTimersByTimeAsync(3_001);
      expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
    });
  });
});

function startChild(redis: { url: string }, options: { namespace?: string; commandTimeout?: number } = {}) {
  return Child.start({ redis: redis.url, logger: undefined, ...options });
}

/** Node ends a process for a rejection that nobody handles. */
async function expectToLive(child: Child): Promise<void> {
  expect(await child.call('state', { id: 'a' })).toMatchObject({ held: false, aborted: true });
  await child.call('finish', { id: 'd' });
  await child.call('close');
  await child.call('detach');
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.output).not.toMatch(/unhandled|rejection/i);
}
