import { afterEach, describe, expect, it, vi } from 'vitest';
import { runtime } from '../../lib/core/runtime.js';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { FaultyStore } from '../support/faulty-store.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, quiet } from '../support/stores.js';

const HOUR = 3_600_000;
const STEPS: [string, number][] = [
  ['an hour ahead', HOUR],
  ['an hour back', -HOUR],
];

const realDate = Date.now.bind(Date);

/** Sets the wall clock of this process, and of nothing else. */
function setClock(offset: number): void {
  vi.spyOn(Date, 'now').mockImplementation(() => realDate() + offset);
  vi.spyOn(runtime, 'wall').mockImplementation(() => realDate() + offset);
}

describe('trap 8: the clock of the client decides who holds the lock', () => {
  const redis = useRedis();
  afterEach(() => void vi.restoreAllMocks());

  describe.each(bothStores(redis))('in $name', (store) => {
    it.each(STEPS)('a lock survives the clock being set %s, and its lease goes on as before', async (_, offset) => {
      await using service = await createLockService(store.shared());
      const lock = await service.acquire(unique('lock'), { ttl: '30s', renew: false });
      const { signal } = lock;
      const [since, left] = [performance.now(), lock.remaining()];
      setClock(offset);
      const spent = left - lock.remaining();
      expect(spent).toBeGreaterThanOrEqual(0);
      expect(spent).toBeLessThanOrEqual(performance.now() - since);
      expect(lock.held).toBe(true);
      expect(signal.aborted).toBe(false);
      expect(await lock.release()).toBe(true);
    });

    it.each(STEPS)('a lock is renewed while the clock is being set %s', async (_, offset) => {
      await using service = await createLockService(store.shared());
      const lock = await service.acquire(unique('lock'), { ttl: '3s' });
      const { signal } = lock;
      setClock(offset);
      await until(() => lock.remaining() < 2_100);
      setClock(-offset);
      await until(() => lock.remaining() > 2_500 || signal.aborted);
      expect(signal.aborted).toBe(false);
      expect(await lock.release()).toBe(true);
    });

    it.each(STEPS)('a process whose clock is %s is excluded, and excludes', async (_, offset) => {
      const shared = store.shared();
      await using right = await createLockService(shared);
      const name = unique('lock');
      const held = await right.acquire(name);
      setClock(offset);
      await using wrong = await createLockService(shared);
      expect(await wrong.tryAcquire(name)).toBeNull();
      expect(await wrong.tryAcquire(name, { mode: 'shared' })).toBeNull();
      const wish = wrong.acquire(name);
      await until(async () => (await wrong.inspect(name)).waiting.length === 1);
      await held.release();
      const theirs = await wish;
      expect(theirs.fencingToken).toBeGreaterThan(held.fencingToken);
      vi.restoreAllMocks();
      expect(await right.tryAcquire(name)).toBeNull();
      expect((await right.inspect(name)).holders).toMatchObject([{ token: theirs.fencingToken }]);
      expect(await theirs.release()).toBe(true);
      expect((await right.acquire(name, { wait: 0 })).fencingToken).toBeGreaterThan(theirs.fencingToken);
    });

    it.each(STEPS)('a lease ends after its ttl though the clock is set %s meanwhile', async (_, offset) => {
      const shared = store.shared();
      await using service = await createLockService(shared);
      await using other = await createLockService(shared);
      const name = unique('lock');
      const since = performance.now();
      const lock = await service.acquire(name, { ttl: 1_000, renew: false });
      const { signal } = lock;
      setClock(offset);
      await until(() => signal.aborted);
      expect(performance.now() - since).toBeGreaterThanOrEqual(999);
      expect((await other.acquire(name)).held).toBe(true);
    });

    it.each(STEPS)('a wait lasts as long as it should though the clock is set %s', async (_, offset) => {
      const shared = store.shared();
      await using service = await createLockService(shared);
      await using other = await createLockService(shared);
      const name = unique('lock');
      await other.acquire(name);
      const since = performance.now();
      const wish = service.acquire(name, { wait: 300 }).catch((error: unknown) => error);
      await until(async () => (await other.inspect(name)).waiting.length === 1);
      setClock(offset);
      const busy = (await wish) as { code: string; waited: number };
      const elapsed = performance.now() - since;
      expect(busy.code).toBe('LOCK_BUSY');
      expect(busy.waited).toBeGreaterThanOrEqual(290);
      expect(busy.waited).toBeLessThanOrEqual(elapsed);
    });
  });

  describe('in fake time', () => {
    useFakeTime();

    it.each([0, HOUR, -HOUR])('the renewals are the same when the clock is set by %i ms', async (offset) => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, logger: quiet });
      const lock = await service.acquire('lock', { ttl: 3_000 });
      const { signal } = lock;
      await vi.advanceTimersByTimeAsync(500);
      vi.setSystemTime(Date.now() + offset);
      await vi.advanceTimersByTimeAsync(9_600);
      expect([9, 10]).toContain(faulty.count('renew'));
      expect(signal.aborted).toBe(false);
      vi.setSystemTime(Date.now() - 2 * offset);
      await vi.advanceTimersByTimeAsync(10_000);
      expect([18, 19, 20]).toContain(faulty.count('renew'));
      expect(await lock.release()).toBe(true);
    });
  });

  it('no time of the client is sent to Redis', async () => {
    setClock(1_000 * HOUR);
    const now = Date.now();
    const monitor = await redis.server.monitor();
    const words: string[] = [];
    monitor.on('monitor', (_time, args: string[]) => words.push(...args.flatMap((arg) => arg.split(' '))));
    const namespace = unique('ns');
    await using service = await createLockService({ redis: redis.url, namespace, logger: quiet });
    const lock = await service.acquire('lock', { ttl: 2_000, holdAtLeast: '1s' });
    const wish = service.acquire('lock').then((next) => next.release());
    await until(() => words.includes('renew'));
    await lock.release();
    await wish;
    await until(() => words.filter((word) => word === 'release').length === 2);
    monitor.disconnect();
    const times = words.map(Number).flatMap((number) => [number, number / 1_000, number * 1_000]);
    expect(times.filter((time) => Math.abs(time - now) < HOUR)).toEqual([]);
  });
});
