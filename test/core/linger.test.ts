import { beforeEach, describe, expect, it } from 'vitest';
import type { Lock, LockOptions } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('A lock that others wait for lingers for a caller that comes again at once', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  let token = 100;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  const ask = (options: LockOptions = {}) => watch<Lock>(locks.acquire('door', options));

  /** Serves what was just asked for, out of the queue of the store. */
  async function grantOutOfTheQueue(block = 4): Promise<void> {
    await settle();
    const { asked } = store.next('acquire');
    store.next('acquire').answer(busy());
    await settle();
    token += 100;
    store.push(asked.owner, { token, block: Math.min(block, asked.block) });
    await settle();
    store.forget();
  }

  /** A caller that has come again as soon as it had released, and holds. */
  async function returned(options: LockOptions = {}, block = 4): Promise<Lock> {
    const first = ask(options);
    await grantOutOfTheQueue();
    await first.value!.release();
    const again = ask(options);
    await grantOutOfTheQueue(block);
    return again.value!;
  }

  it('asks for reserved tokens from the second time on, and is served without the store from then on', async () => {
    const first = ask();
    await grantOutOfTheQueue();
    await first.value!.release();
    const again = ask();
    await settle();
    expect(store.next('acquire').asked.block).toBeGreaterThan(1);
    store.next('acquire').answer(busy());
    await settle();
    store.push(store.all('acquire')[0]!.asked.owner, { token: 500, block: 3 });
    await settle();
    store.forget();
    let lock = again.value!;
    for (const fencingToken of [500, 501, 502]) {
      expect(lock).toMatchObject({ held: true, fencingToken });
      if (fencingToken === 502) break;
      expect(await lock.release()).toBe(true);
      expect(lock.held).toBe(false);
      lock = await locks.acquire('door');
    }
    expect(store.calls).toEqual([]);
    expect(await lock.release()).toBe(true);
    expect(store.log()).toEqual(['release']);
  });

  it('is released at the end of the tick in which no caller has come', async () => {
    const lock = await returned();
    expect(await lock.release()).toBe(true);
    expect(store.log()).toEqual([]);
    await settle();
    expect(store.log()).toEqual(['release']);
    // And does not linger the next time.
    const later = ask();
    await grantOutOfTheQueue();
    await later.value!.release();
    expect(store.log()).toEqual(['release']);
  });

  it('does not linger where the caller comes later, or where the lock was free', async () => {
    const first = ask();
    await grantOutOfTheQueue();
    await first.value!.release();
    await settle();
    const later = ask();
    await settle();
    expect(store.next('acquire').asked.block).toBe(1);
    store.next('acquire').answer(granted());
    await settle();
    await later.value!.release();
    store.forget();
    const free = ask();
    await settle();
    store.next('acquire').answer(granted());
    await settle();
    store.forget();
    await free.value!.release();
    expect(store.log()).toEqual(['release']);
  });

  it('is found free by a try of the process', async () => {
    const lock = await returned();
    await lock.release();
    const attempt = ask({ wait: 0 });
    await Promise.resolve();
    expect(attempt.value?.held).toBe(true);
    expect(store.calls).toEqual([]);
  });

  it.each<[string, LockOptions]>([
    ['a shared lock', { mode: 'shared' }],
    ['a lease of another length', { ttl: 7_000 }],
    ['a lock that is not to be held for long', { maxHold: 1_000 }],
  ])('is released at once for a caller that it cannot serve: %s', async (_, options) => {
    const lock = await returned();
    await lock.release();
    ask(options);
    expect(store.log()[0]).toBe('release');
  });

  it('lingers no longer than a hand-over may happen', async () => {
    const lock = await returned();
    await pass(11);
    await lock.release();
    expect(store.log()).toEqual(['release']);
  });

  it('is lost like any lease: a caller that comes then waits', async () => {
    const lock = await returned();
    await lock.release();
    locks.clock.stall(60_000);
    const next = ask();
    await settle();
    expect(next.settled).toBe(false);
    expect(store.open('acquire')).toBe(1);
  });

  it('is given back by a shutdown', async () => {
    const lock = await returned();
    await lock.release();
    void locks.close();
    await settle();
    expect(store.log()).toEqual(['release']);
  });
});
