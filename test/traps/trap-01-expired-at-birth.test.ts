import { describe, expect, it, vi } from 'vitest';
import { createLockService, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { FaultyStore, late } from '../support/faulty-store.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, inTests } from '../support/stores.js';
import type { TcpProxy } from '../support/tcp-proxy.js';

describe('trap 1: a lock is handed out already expired', () => {
  describe('in fake time', () => {
    useFakeTime();

    it('counts the lease from before the send, not from the answer', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      faulty.faults.acquire = late(400);
      const wish = service.acquire('lock', { ttl: 1_000 });
      await vi.advanceTimersByTimeAsync(400);
      expect((await wish).remaining()).toBeCloseTo(600, 0);
    });

    it('counts the lease from the attempt that won, not from the first one', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      await using holder = await createLockService({ store: faulty.sound, ...inTests });
      const held = await holder.acquire('lock', { ttl: 1_000 });
      const wish = service.acquire('lock', { ttl: 1_000, wait: '1m' });
      await vi.advanceTimersByTimeAsync(5_300);
      await held.release();
      const lock = await wish;
      expect(faulty.count('acquire')).toBeGreaterThan(1);
      expect(lock.remaining()).toBeGreaterThanOrEqual(500);
      expect(lock.remaining()).toBeLessThanOrEqual(await leaseInStore(service, 'lock'));
    });

    it('asks again instead of handing out what is more than half gone', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      faulty.faults.acquire = (call) => (faulty.count('acquire') === 1 ? late(600)(call) : call());
      const wish = service.acquire('lock', { ttl: 1_000 });
      await vi.advanceTimersByTimeAsync(600);
      const lock = await wish;
      expect(faulty.count('acquire')).toBe(2);
      expect(lock.remaining()).toBeCloseTo(1_000, 0);
    });

    it('does not hand out what has ended, and what the store has given to somebody else meanwhile', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      await using other = await createLockService({ store: faulty.sound, ...inTests });
      faulty.faults.acquire = late(1_500);
      const wish = service.tryAcquire('lock', { ttl: 1_000 });
      await vi.advanceTimersByTimeAsync(1_200);
      const theirs = await other.acquire('lock', { wait: 0 });
      await vi.advanceTimersByTimeAsync(3_000);
      expect(await wish).toBeNull();
      expect(theirs.held).toBe(true);
    });

    it('says that the store is too slow, and keeps nothing, when every answer takes most of the ttl', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      faulty.faults.acquire = late(600);
      const wish = service.acquire('lock', { ttl: 1_000 });
      wish.catch(() => {});
      await vi.advanceTimersByTimeAsync(3 * 600);
      await expect(wish).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      expect((await service.inspect('lock')).holders).toEqual([]);
    });

    it('does not hand on inside the process what is more than half gone', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({
        store: faulty.store,
        ...inTests,
        localHandOver: { max: 16, within: '1h' },
      });
      await using other = await createLockService({ store: faulty.sound, ...inTests });
      const theirs = await other.acquire('lock');
      const wishes = [1, 2, 3].map(() => service.acquire('lock', { ttl: 1_000, wait: '1m' }));
      // By now the process has asked for all three of them, so that one lease may serve them.
      await vi.advanceTimersByTimeAsync(2_000);
      await theirs.release();
      const first = await wishes[0]!;
      // Nobody knows whether it was renewed.
      faulty.faults.renew = late(10_000);
      await vi.advanceTimersByTimeAsync(first.remaining() - 100);
      expect(first.held).toBe(true);
      await first.release();
      const second = await wishes[1]!;
      expect(second.remaining()).toBeCloseTo(1_000, 0);
      await second.release();
      await (await wishes[2]!).release();
    });

    it('does not hand out several names when too little is left of the first', async () => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, ...inTests });
      await using other = await createLockService({ store: faulty.sound, ...inTests });
      const theirs = await other.acquire('b');
      const wish = service.acquire(['a', 'b'], { ttl: 1_000, renew: false, wait: '1m' });
      await vi.advanceTimersByTimeAsync(900);
      await theirs.release();
      expect((await wish).remaining()).toBeGreaterThanOrEqual(500);
    });
  });

  describe('in real time', () => {
    const redis = useRedis();

    describe.each(bothStores(redis))('in $name', (store) => {
      it('hands out nothing from an answer that came after the lease had ended', async () => {
        await using way = await store.slowLine();
        await using service = await createLockService(way.slow);
        await using other = await createLockService(way.direct);
        const name = unique('lock');
        await service.run(unique('warm-up'), async () => {});

        way.line.holdReplies();
        const wish = service.acquire(name, { ttl: 1_000 });
        await until(async () => (await other.inspect(name)).holders.length === 1);
        await until(async () => (await other.inspect(name)).holders.length === 0);
        way.line.release();
        const lock = await wish;
        expect(lock.remaining()).toBeGreaterThan(250);
        expect(await leaseInStore(other, name)).toBeGreaterThanOrEqual(lock.remaining() - 1);
      });

      it('hands out nothing from a message that came after the lease had ended', async () => {
        await using way = await store.slowLine();
        await using service = await createLockService(way.slow);
        await using other = await createLockService(way.direct);
        const name = unique('lock');
        await service.run(unique('warm-up'), async () => {});

        const held = await other.acquire(name);
        const wish = service.acquire(name, { ttl: 1_000, wait: '20s' });
        await until(async () => (await other.inspect(name)).waiting.length === 1);
        way.line.holdReplies();
        await held.release();
        await until(async () => (await other.inspect(name)).holders.length === 0);
        way.line.release();
        const lock = await wish;
        expect(lock.remaining()).toBeGreaterThan(250);
        expect(await leaseInStore(other, name)).toBeGreaterThanOrEqual(lock.remaining() - 1);
        expect(lock.fencingToken).toBeGreaterThan(held.fencingToken);
      });
    });

    it('is never held for longer than Redis keeps it, however late the request arrives there', async () => {
      const [, onRedis] = bothStores(redis);
      await using way = await onRedis!.slowLine();
      const line = way.line as TcpProxy;
      await using service = await createLockService(way.slow);
      const name = unique('lock');
      await service.run(unique('warm-up'), async () => {});

      line.holdRequests();
      const seen = line.seen(name);
      const wish = service.acquire(name, { ttl: 4_000, renew: false });
      await seen;
      await new Promise((resolve) => setTimeout(resolve, 300));
      line.release();
      const lock = await wish;
      expect(lock.remaining()).toBeLessThanOrEqual(3_700);
    });
  });
});

async function leaseInStore(service: LockService, name: string): Promise<number> {
  const [holder] = (await service.inspect(name)).holders;
  return holder?.remaining ?? 0;
}
