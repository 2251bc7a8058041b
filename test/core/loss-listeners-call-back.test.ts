import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Lock } from '../../lib/index.js';
import { CoreLocks, type Watched, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { granted, ScriptedStore } from '../support/scripted-store.js';

/*
 * A signal aborts in the middle of whatever found out that the lock is lost, and its listeners run there and then: they
 * may abort waits, ask for locks, release, close.
 */
describe('A listener on the signal of a lost lock', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store, { shutdownGrace: 0 });
  });

  async function held(name = 'door', block = 1): Promise<Lock> {
    const lock = locks.acquire(name, { ttl: '5s' });
    await settle();
    store.next('acquire').answer(granted({ block }));
    return lock;
  }

  /** Answers all claims as granted, until none comes any more. */
  async function grantAll(): Promise<void> {
    for (let i = 0; i < 20; i += 1) {
      while (store.open('acquire') > 0) store.next('acquire').answer(granted());
      while (store.open('renew') > 0) store.next('renew').answer(true);
      await pass(1_000);
    }
  }

  it('that aborts the very wait whose call found the loss leaves nothing held for a caller that is gone', async () => {
    const controller = new AbortController();
    const lock = await held();
    lock.signal.addEventListener('abort', () => controller.abort(new Error('all is off')));
    locks.clock.stall(5_000);
    const wanted = watch(locks.acquire('door', { ttl: '5s', signal: controller.signal }));
    await grantAll();
    expect(wanted.error).toEqual(new Error('all is off'));
    expect(store.all('renew')).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that aborts the wait which was next leaves no claim for a caller that is gone', async () => {
    const controller = new AbortController();
    const first = locks.acquire('door', { ttl: '5s' });
    const next = watch(locks.acquire('door', { ttl: '5s', signal: controller.signal }));
    await settle();
    store.next('acquire').answer(granted({ block: 2 }));
    const lock = await first;
    lock.signal.addEventListener('abort', () => controller.abort(new Error('all is off')));
    // The event loop stalls while the next waits for the hand-over, whose timer is the first to fire then.
    locks.clock.stall(5_000);
    await grantAll();
    expect(next.error).toEqual(new Error('all is off'));
    expect(store.all('acquire')).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that aborts the wait which the store has just served leaves nothing held for a caller that is gone', async () => {
    const controller = new AbortController();
    const lock = await held();
    lock.signal.addEventListener('abort', () => controller.abort(new Error('all is off')));
    const next = watch(locks.acquire('door', { ttl: '5s', signal: controller.signal }));
    await settle();
    // The hold of the first was ended by force, and the message is lost.
    store.next('acquire').answer(granted());
    await settle();
    await grantAll();
    store.forget();
    await next.value?.release();
    await lock.release();
    await grantAll();
    // Whoever got it has given it back, and nobody else has it.
    expect(next.settled).toBe(true);
    expect(store.all('renew')).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that asks for the lock again gets it, and those behind it too', async () => {
    const wanted: Watched<Lock>[] = [];
    const lock = await held('door', 3);
    lock.signal.addEventListener('abort', () => wanted.push(watch(locks.acquire('door', { ttl: '5s' }))));
    locks.clock.stall(5_000);
    wanted.push(watch(locks.acquire('door', { ttl: '5s' })));
    for (let i = 0; i < 2; i += 1) {
      await settle();
      store.next('acquire').answer(granted());
      await settle();
      const holder = wanted.find(({ value }) => value?.held);
      await holder!.value!.release();
    }
    await settle();
    expect(wanted.map(({ settled }) => settled)).toEqual([true, true]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that releases the locks that fell due with it sends each release once', async () => {
    const doomed = locks.acquire('a', { ttl: '5s', renew: false });
    const other = locks.acquire('b', { ttl: '5s', renew: false });
    await settle();
    while (store.open('acquire') > 0) store.next('acquire').answer(granted());
    const [a, b] = await Promise.all([doomed, other]);
    a.signal.addEventListener('abort', () => void b.release());
    await pass(10_000);
    expect(store.all('release').map(({ asked: { name } }) => name)).toEqual(['a', 'b']);
  });

  it('that throws hurts neither the other locks nor the service', async () => {
    const uncaught = vi.fn();
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', uncaught);
    const [a, b] = [await held('a'), await held('b')];
    a.signal.addEventListener('abort', () => {
      throw new Error('the listener’s');
    });
    store.revoke(store.all('acquire')[0]!.asked.owner);
    await pass(1_700);
    while (store.open('renew') > 0) store.next('renew').answer(true);
    await pass(4_000);
    expect(b.held).toBe(true);
    process.removeListener('uncaughtException', uncaught);
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(uncaught).toHaveBeenCalledTimes(1);
  });

  describe('while the service closes', () => {
    it('gets no new lock', async () => {
      const lock = await held();
      let wanted: Watched<Lock> | undefined;
      lock.signal.addEventListener('abort', () => {
        wanted = watch(locks.acquire('gate'));
      });
      const closed = watch(locks.close());
      await settle();
      expect(wanted!.error).toMatchObject({ code: 'LOCK_CLOSED' });
      expect(closed.settled).toBe(true);
      expect(store.all('acquire')).toHaveLength(1);
    });

    it('may close it again', async () => {
      const lock = await held();
      const closed: Promise<void>[] = [];
      lock.signal.addEventListener('abort', () => void closed.push(locks.close()));
      closed.push(locks.close());
      await Promise.all(closed);
      expect(store.all('release')).toHaveLength(1);
      expect(new Set(closed).size).toBe(1);
    });
  });
});
