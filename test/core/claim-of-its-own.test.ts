import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Lock, LockOptions } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('A caller', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  async function hold(options: LockOptions = {}): Promise<Lock> {
    const held = locks.acquire('door', options);
    await settle();
    store.next('acquire').answer(granted());
    return held;
  }

  const owners = () => new Set(store.all('acquire').map(({ asked }) => asked.owner)).size;

  describe('that does not wait (a try)', () => {
    it('asks the store once, without a place in the queue', async () => {
      const tried = watch(locks.acquire('door', { wait: 0 }));
      await settle();
      expect(store.next('acquire').asked).toMatchObject({ alive: 0, block: 1 });
      store.next('acquire').answer(busy({ ticket: 0, retryAfter: 450 }));
      await settle();
      expect(tried.error).toMatchObject({ code: 'LOCK_BUSY', waited: 0, retryAfter: 450 });
      await pass(60_000);
      expect(store.calls).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('gets the lock when it is free', async () => {
      const lock = await hold({ wait: 0 });
      expect(lock.held).toBe(true);
    });

    it('on a name that this process holds is busy without a command, and says who holds it', async () => {
      await hold();
      store.forget();
      for (const mode of ['exclusive', 'shared'] as const) {
        const tried = watch(locks.acquire('door', { wait: 0, mode }));
        await settle();
        expect(tried.error).toMatchObject({ code: 'LOCK_BUSY', holders: ['here'], retryAfter: 15_000 });
      }
      expect(store.calls).toEqual([]);
    });

    it('on a name that this process waits for is busy without a command', async () => {
      void watch(locks.acquire('door'));
      await settle();
      store.next('acquire').answer(busy());
      await settle();
      const tried = watch(locks.acquire('door', { wait: 0 }));
      await settle();
      expect(tried.error).toMatchObject({ code: 'LOCK_BUSY' });
      expect(store.all('acquire')).toHaveLength(1);
    });

    it('asks the store again as soon as the lock is released here', async () => {
      const lock = await hold();
      void lock.release();
      store.forget();
      void watch(locks.acquire('door', { wait: 0 }));
      expect(store.log()).toEqual(['acquire']);
    });

    it('asks the store again as soon as the lock was lost here', async () => {
      await hold({ renew: false, ttl: '1s' });
      locks.clock.stall(1_000);
      store.forget();
      void watch(locks.acquire('door', { wait: 0 }));
      expect(store.log()).toContain('acquire');
    });

    it('asks the store where this process only shares', async () => {
      await hold({ mode: 'shared' });
      void watch(locks.acquire('door', { wait: 0 }));
      expect(store.open('acquire')).toBe(1);
    });

    it('hears that the store is away, and not that the lock is busy', async () => {
      const tried = watch(locks.acquire('door', { wait: 0 }));
      await settle();
      store.next('acquire').fail();
      await settle();
      expect(tried.error).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    });

    it('stands in nobody’s way: a waiter of the same process has its own claim', async () => {
      void watch(locks.acquire('door', { wait: 0 }));
      void watch(locks.acquire('door'));
      await settle();
      expect(store.all('acquire').map(({ asked }) => asked.alive)).toEqual([0, 30_000]);
    });
  });

  describe('that shares', () => {
    it('has a claim of its own, so that several may hold at once', async () => {
      const wishes = [1, 2, 3].map(() => watch(locks.acquire('door', { mode: 'shared', permits: 2 })));
      await settle();
      expect(owners()).toBe(3);
      expect(store.next('acquire').asked).toMatchObject({ permits: 2, block: 1 });
      for (let i = 0; i < 2; i += 1) store.next('acquire').answer(granted({ token: 5 }));
      store.next('acquire').answer(busy());
      await settle();
      expect(wishes.map(({ value }) => value?.fencingToken)).toEqual([5, 5, undefined]);
    });

    it('is not handed the lease of another', async () => {
      const first = await hold({ mode: 'shared' });
      const second = watch(locks.acquire('door', { mode: 'shared', permits: 1 }));
      await settle();
      store.next('acquire').answer(busy());
      await settle();
      await first.release();
      await settle();
      expect(second.settled).toBe(false);
      expect(store.all('release')).toHaveLength(1);
    });
  });

  describe('of a service with `localHandOver: { max: 0 }`', () => {
    beforeEach(() => {
      locks = new CoreLocks(store, { localHandOver: { max: 0 } });
    });

    it('has a claim of its own, and so a place of its own in the queue of the store', async () => {
      for (let i = 0; i < 3; i += 1) void watch(locks.acquire('door'));
      await settle();
      expect(owners()).toBe(3);
      expect(store.all('acquire').every(({ asked }) => asked.block === 1)).toBe(true);
    });

    it('is served by nothing but its own grant', async () => {
      const first = await hold();
      const second = watch(locks.acquire('door'));
      await settle();
      store.next('acquire').answer(busy());
      await settle();
      await first.release();
      await settle();
      expect(second.settled).toBe(false);
      store.push(store.all('acquire')[1]!.asked.owner);
      await settle();
      expect(second.settled).toBe(true);
    });
  });
});
