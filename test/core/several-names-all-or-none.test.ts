import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('A lock of several names is all or none:', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  const released = () => store.all('release').map(({ asked: { name } }) => name);

  async function grant(token: number): Promise<void> {
    store.next('acquire').answer(granted({ token }));
    await settle();
  }

  it('when a later name is busy, the earlier ones are given back before the caller hears of it', async () => {
    delete store.automatic.release;
    const wanted = watch(locks.acquire(['a', 'b', 'c'], { wait: 0 }));
    await settle();
    await grant(1);
    await grant(2);
    store.next('acquire').answer(busy());
    await settle();
    expect(released()).toEqual(['a', 'b']);
    expect(wanted.settled).toBe(false);
    while (store.open('release') > 0) store.next('release').answer(true);
    await settle();
    expect(wanted.error).toMatchObject({ code: 'LOCK_BUSY', lockName: 'c' });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('when the store fails at a later name, the caller hears of that, also when giving back fails too', async () => {
    delete store.automatic.release;
    const wanted = watch(locks.acquire(['a', 'b']));
    await settle();
    await grant(1);
    store.next('acquire').fail();
    await settle();
    store.next('release').fail();
    await settle();
    expect(wanted.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'b' });
  });

  it('when the caller aborts at a later name', async () => {
    const controller = new AbortController();
    const wanted = watch(locks.acquire(['a', 'b'], { signal: controller.signal }));
    await settle();
    await grant(1);
    controller.abort(new Error('enough'));
    await settle();
    expect(released()).toEqual(['a']);
    expect(wanted.error).toEqual(new Error('enough'));
  });

  it('when an earlier name was lost while it waited for a later one', async () => {
    const wanted = watch(locks.acquire(['a', 'b']));
    await settle();
    await grant(1);
    store.revoke(store.all('acquire')[0]!.asked.owner);
    await grant(2);
    expect(wanted.error).toMatchObject({ code: 'LOCK_LOST', lockName: 'a', why: 'forced' });
    expect(released()).toEqual(['b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('when an earlier name ended while it waited for a later one, and no timer has noticed', async () => {
    const wanted = watch(locks.acquire(['a', 'b'], { ttl: '5s', renew: false }));
    await settle();
    await grant(1);
    locks.clock.stall(2_400);
    await pass(100);
    store.next('acquire').answer(busy({ retryAfter: 0 }));
    await pass(10);
    locks.clock.stall(2_490);
    await grant(2);
    if (!wanted.settled) await grant(3);
    expect(wanted.error).toMatchObject({ code: 'LOCK_LOST', lockName: 'a', why: 'expired' });
  });

  it('and a name that is given back so is not kept from the others: nothing was done under it', async () => {
    const wanted = watch(locks.acquire(['a', 'b'], { wait: 0, holdAtLeast: '1h' }));
    await settle();
    await grant(1);
    store.next('acquire').answer(busy());
    await settle();
    expect(wanted.error).toMatchObject({ code: 'LOCK_BUSY' });
    expect(store.all('release').map(({ asked }) => asked.retain)).toEqual([0]);
  });
});
