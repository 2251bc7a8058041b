import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Lock } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('A service that closes', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore();
    locks = new CoreLocks(store, { shutdownGrace: 0 });
  });

  async function held(name = 'door'): Promise<Lock> {
    const lock = locks.acquire(name);
    await settle();
    store.next('acquire').answer(granted());
    return lock;
  }

  it('hands out no more locks, and answers no more questions', async () => {
    const closed = locks.close();
    const body = vi.fn();
    const calls = [
      locks.acquire('door'),
      locks.acquire('door', { wait: 0 }),
      locks.run('door', {}, body),
      locks.locker.calls.inspect('door'),
      locks.locker.calls.forceRelease('door'),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'LOCK_CLOSED', lockName: 'door' });
    await closed;
    await expect(locks.acquire('door')).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
    expect(store.calls).toEqual([]);
    expect(body).not.toHaveBeenCalled();
  });

  it('closes once, however often it is told', async () => {
    await held();
    const both = [locks.close(), locks.close()];
    await settle();
    store.next('release').answer(true);
    await Promise.all(both);
    await locks.close();
    expect(store.all('release')).toHaveLength(1);
  });

  it('ends every wait at once, each with an error of its own, and leaves the queues', async () => {
    const names = ['a', 'a', 'b'];
    const waits = names.map((name) => watch(locks.acquire(name, { wait: '1m' })));
    const shared = watch(locks.acquire('c', { wait: '1m', mode: 'shared' }));
    await settle();
    while (store.open('acquire') > 0) store.next('acquire').answer(busy());
    await settle();
    const closed = watch(locks.close());
    await settle();
    const all = [...waits, shared];
    expect(all.map(({ error }) => (error as { code: string }).code)).toEqual(all.map(() => 'LOCK_CLOSED'));
    expect(new Set(all.map(({ error }) => error)).size).toBe(4);
    expect(closed.settled).toBe(false);
    expect(store.all('withdraw').map(({ asked }) => asked.name)).toEqual(['a', 'b', 'c']);
    while (store.open('withdraw') > 0) store.next('withdraw').answer(undefined);
    await settle();
    expect(closed.settled).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gives back what is granted to a wait that it ended', async () => {
    const wanted = watch(locks.acquire('door'));
    await settle();
    const closed = watch(locks.close());
    await settle();
    expect(wanted.error).toMatchObject({ code: 'LOCK_CLOSED' });
    store.next('acquire').answer(granted());
    await settle();
    store.next('withdraw').answer(undefined);
    await settle();
    expect(closed.settled).toBe(true);
  });

  it('waits for the store to let go of the waiters, but only for a second', async () => {
    const wanted = watch(locks.acquire('door'));
    await settle();
    const closed = watch(locks.close());
    await pass(999);
    expect(wanted.settled).toBe(true);
    expect(closed.settled).toBe(false);
    await pass(1);
    expect(closed.settled).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('releases what is held, and tells the holder', async () => {
    const lock = await held();
    const { signal } = lock;
    const closed = watch(locks.close());
    await settle();
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'released', lockName: 'door' });
    expect(lock.held).toBe(false);
    expect(closed.settled).toBe(false);
    store.next('release').answer(true);
    await settle();
    expect(closed.settled).toBe(true);
    await expect(lock.release()).resolves.toBe(false);
    await expect(lock.extend()).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect(store.all('release')).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('closes also when the store does not take the release', async () => {
    await held();
    const closed = watch(locks.close());
    await settle();
    store.next('release').fail();
    await settle();
    expect(closed).toEqual({ settled: true });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for a release of the caller that the store has not acknowledged', async () => {
    const lock = await held();
    const released = watch(lock.release());
    const closed = watch(locks.close());
    await settle();
    expect(closed.settled).toBe(false);
    while (store.open('release') > 0) store.next('release').answer(true);
    await settle();
    expect(released.value).toBe(true);
    expect(closed.settled).toBe(true);
  });

  it('tries a release once more that has failed', async () => {
    const lock = await held();
    const released = watch(lock.release());
    store.next('release').fail();
    await settle();
    expect(released.settled).toBe(false);
    const closed = watch(locks.close());
    await settle();
    store.next('release').answer(true);
    await settle();
    expect(released.value).toBe(true);
    expect(closed.settled).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('arms nothing any more when the answers that it did not wait for turn out to be none', async () => {
    await held('gate');
    void watch(locks.acquire('door'));
    await settle();
    const closed = watch(locks.close());
    await settle();
    store.next('release').fail();
    await pass(1_000);
    expect(closed.settled).toBe(true);
    store.next('acquire').fail();
    await settle();
    if (store.open('withdraw') > 0) store.next('withdraw').fail();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('hears no more messages', async () => {
    store.letGo();
    await held();
    expect(store.listeners.size).toBe(1);
    await locks.close();
    expect(store.listeners.size).toBe(0);
  });

  it('runs no body without its lock, in whatever moment between grant and body it is told', async () => {
    for (let hops = 0; hops < 30; hops += 1) {
      store = new ScriptedStore().letGo();
      locks = new CoreLocks(store);
      const bodies: boolean[] = [];
      const run = watch(locks.run(['a'], { onLost: 'ignore' }, (lock) => void bodies.push(lock.held)));
      await settle();
      store.next('acquire').answer(granted());
      for (let i = 0; i < hops; i += 1) await Promise.resolve();
      await locks.close();
      await settle();
      expect(run.settled).toBe(true);
      expect(bodies).not.toContain(false);
    }
  });
});
