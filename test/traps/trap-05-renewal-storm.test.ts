import { describe, expect, it, vi } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { FaultyStore } from '../support/faulty-store.js';
import { unique, useRedis } from '../support/redis.js';
import { inTests } from '../support/stores.js';

describe('trap 5: a short ttl makes thousands of renewals', () => {
  describe('in fake time', () => {
    useFakeTime();

    it.each([3, 5, 10, 33, 100, 250, 499, 500, 1_000, 1_234, 30_000, 3_600_000])(
      'a lock of %i ms is renewed in time, and at most once in a third of that',
      async (ttl) => {
        const faulty = new FaultyStore();
        await using service = await createLockService({ store: faulty.store, ...inTests });
        const lock = await service.acquire('lock', { ttl });
        const { signal } = lock;
        const periods = 40;
        await vi.advanceTimersByTimeAsync(ttl * periods);
        expect(signal.aborted).toBe(false);
        expect(faulty.count('renew')).toBeGreaterThanOrEqual(periods - 1);
        expect(faulty.count('renew')).toBeLessThanOrEqual(3 * periods);
        expect(await lock.release()).toBe(true);
      },
    );

    it.each([1, 2])('a lock of %i ms, which no timer can keep, asks no more often than that', async (ttl) => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      await service.acquire('lock', { ttl });
      await vi.advanceTimersByTimeAsync(1_000);
      expect(faulty.count('renew')).toBeLessThanOrEqual(3_000 / ttl);
    });

    it('extend() and several names do not add renewals', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      const lock = await service.acquire(['a', 'b'], { ttl: 30_000 });
      await vi.advanceTimersByTimeAsync(5_000);
      await lock.extend('900ms');
      const asked = faulty.count('renew');
      await vi.advanceTimersByTimeAsync(9_000);
      expect(lock.held).toBe(true);
      expect(faulty.count('renew') - asked).toBeLessThanOrEqual(2 * 30);
    });

    it.each([
      ['renew: false', { renew: false }],
      ['a ttl that covers maxHold', { maxHold: '900ms' }],
    ] as const)('with %s nothing is renewed', async (_, options) => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      const { signal } = await service.acquire('lock', { ttl: 1_000, ...options });
      await vi.advanceTimersByTimeAsync(5_000);
      expect(faulty.count('renew')).toBe(0);
      expect(signal.aborted).toBe(true);
    });

    it('nothing is renewed after a release', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      await service.run('lock', { ttl: 1_000 }, () => vi.advanceTimersByTimeAsync(1_000));
      const asked = faulty.count('renew');
      expect(asked).toBeGreaterThan(0);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(faulty.count('renew')).toBe(asked);
    });
  });

  describe('on Redis', () => {
    const redis = useRedis();

    async function scriptCalls(): Promise<number> {
      const stats = await redis.client.info('commandstats');
      const calls = [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)].map(([, count]) => Number(count));
      return calls.reduce((sum, count) => sum + count, 0);
    }

    it('one lock makes at most one command in a third of its ttl', async () => {
      await using service = await createLockService({ redis: redis.url, namespace: unique('ns'), ...inTests });
      const ttl = 1_500;
      const lock = await service.acquire('lock', { ttl });
      const { signal } = lock;
      const [before, since] = [await scriptCalls(), performance.now()];
      await until(async () => (await scriptCalls()) - before >= 6 || signal.aborted);
      const [made, elapsed] = [(await scriptCalls()) - before, performance.now() - since];
      expect(signal.aborted).toBe(false);
      // The connection for messages, opened with the first lock, may make it look at the lock twice.
      expect(made).toBeLessThanOrEqual(Math.ceil(elapsed / (ttl / 3)) + 3);
    });

    it('locks that fall due together share a command', async () => {
      // Before there is anything to hear: ioredis is confused by what comes together with the answer to MONITOR.
      const monitor = await redis.server.monitor();
      await using service = await createLockService({ redis: redis.url, namespace: unique('ns'), ...inTests });
      const ttl = 1_500;
      const locks = await Promise.all(
        Array.from({ length: 64 }, (_, index) => service.acquire(`lock-${index}`, { ttl })),
      );
      let [renewals, commands] = [0, 0];
      monitor.on('monitor', (_time, args: string[]) => {
        const kind = args.indexOf('renew');
        const inCommand = kind < 0 ? 0 : args.slice(kind).filter((operation) => operation.startsWith('#')).length;
        renewals += inCommand;
        commands += inCommand > 0 ? 1 : 0;
      });
      await until(() => renewals >= 3 * locks.length);
      monitor.disconnect();
      expect(locks.every(({ held }) => held)).toBe(true);
      expect(commands).toBeLessThan(renewals / 4);
    });
  });
});
