import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Lock } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('A lock of several names', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  const asked = () => store.all('acquire').map(({ asked: { name } }) => name);
  const released = () => store.all('release').map(({ asked: { name } }) => name);

  async function grant(token: number): Promise<void> {
    store.next('acquire').answer(granted({ token }));
    await settle();
  }

  async function acquired(names: string[]): Promise<Lock> {
    const lock = locks.acquire(names);
    await settle();
    for (let token = 1; token <= names.length; token += 1) await grant(token);
    return lock;
  }

  it('is taken one by one, in one order for everybody', async () => {
    const wanted = watch(locks.acquire(['c', 'a', 'b', 'a']));
    await settle();
    expect(asked()).toEqual(['a']);
    await grant(1);
    expect(asked()).toEqual(['a', 'b']);
    await grant(2);
    expect(wanted.settled).toBe(false);
    await grant(3);
    expect(asked()).toEqual(['a', 'b', 'c']);
    expect(wanted.value!.names).toEqual(['a', 'b', 'c']);
  });

  it('has the name and token of the first, and the token of each', async () => {
    const lock = await acquired(['b', 'a']);
    expect(lock).toMatchObject({ name: 'a', fencingToken: 1, held: true });
    expect([...lock.fencingTokens]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('is released as a whole, in one tick', async () => {
    const lock = await acquired(['a', 'b', 'c']);
    const done = lock.release();
    expect(released()).toEqual(['a', 'b', 'c']);
    await expect(done).resolves.toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('says that it was not ours until now when one of the names was not', async () => {
    const lock = await acquired(['a', 'b']);
    store.automatic.release = ({ name }) => name === 'a';
    await expect(lock.release()).resolves.toBe(false);
  });

  it('releases the others also when the release of one fails, and rejects', async () => {
    const lock = await acquired(['a', 'b', 'c']);
    delete store.automatic.release;
    const done = watch(lock.release());
    store.next('release').answer(true);
    store.next('release').fail();
    store.next('release').answer(true);
    await settle();
    expect(released()).toEqual(['a', 'b', 'c']);
    // It is asked for again until the lease ends.
    for (let i = 0; i < 200 && !done.settled; i += 1) {
      await pass(100);
      while (store.open('release') > 0) store.next('release').fail();
    }
    expect(done.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'b' });
  });

  it('is lost when one of the names is: it is not held, and the signal says which', async () => {
    const lock = await acquired(['a', 'b']);
    const { signal } = lock;
    store.revoke(store.all('acquire')[1]!.asked.owner);
    expect(lock.held).toBe(false);
    expect(lock.remaining()).toBe(0);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', lockName: 'b', why: 'forced' });
  });

  it('has left what the name has left that ends first', async () => {
    const wanted = locks.acquire(['a', 'b'], { ttl: '10s', renew: false });
    await settle();
    await grant(1);
    await pass(2_000);
    await grant(2);
    expect((await wanted).remaining()).toBe(8_000);
  });

  it('is extended as a whole', async () => {
    const lock = await acquired(['a', 'b']);
    const extended = watch(lock.extend('1m'));
    await settle();
    expect(store.all('renew').map(({ asked: { name, ttl } }) => [name, ttl])).toEqual([
      ['a', 60_000],
      ['b', 60_000],
    ]);
    store.next('renew').answer(true);
    store.next('renew').answer(false);
    await settle();
    expect(extended.error).toMatchObject({ code: 'LOCK_LOST', lockName: 'b', why: 'taken' });
  });

  describe('that had to wait for a later name', () => {
    /** The second name is granted `ms` after the first. */
    async function afterWaiting(ms: number) {
      const wanted = watch(locks.acquire(['a', 'b'], { ttl: '4s', renew: false }));
      await settle();
      await grant(1);
      store.automatic.acquire = () => busy();
      store.next('acquire').answer(busy());
      await pass(ms);
      delete store.automatic.acquire;
      store.push(store.all('acquire').at(-1)!.asked.owner);
      await settle();
      return wanted;
    }

    it('has the lease of the earlier one as it is, when at least half of that is left', async () => {
      const wanted = await afterWaiting(1_700);
      expect(wanted.value!.remaining()).toBe(2_300);
      expect(store.all('renew')).toEqual([]);
    });

    it('begins with a fresh lease of the earlier one, when less than half of that is left', async () => {
      const wanted = await afterWaiting(2_100);
      expect(wanted.settled).toBe(false);
      expect(store.next('renew').asked).toMatchObject({ name: 'a', ttl: 4_000 });
      store.next('renew').answer(true);
      await settle();
      expect(wanted.value!.remaining()).toBeGreaterThan(3_000);
    });

    it.each([false, undefined])('is not handed out when that cannot be had (store: %s)', async (answer) => {
      const wanted = await afterWaiting(2_100);
      if (answer === undefined) store.next('renew').fail();
      else store.next('renew').answer(answer);
      await settle();
      expect(wanted.error).toMatchObject({ code: answer === false ? 'LOCK_LOST' : 'LOCK_UNAVAILABLE', lockName: 'a' });
      expect(released()).toContain('b');
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  describe('waits for all names together', () => {
    it('no longer than `wait`', async () => {
      const wanted = watch(locks.acquire(['a', 'b'], { wait: '3s' }));
      await settle();
      store.next('acquire').answer(busy({ retryAfter: 1_999 }));
      await pass(1_667);
      store.next('acquire').answer(busy({ retryAfter: 332 }));
      await pass(333);
      await grant(1);
      store.next('acquire').answer(busy({ retryAfter: 60_000 }));
      await pass(999);
      expect(wanted.settled).toBe(false);
      await pass(1);
      expect(wanted.error).toMatchObject({ code: 'LOCK_BUSY', lockName: 'b' });
    });

    it('and does not wait for the later ones when nothing is left', async () => {
      const wanted = watch(locks.acquire(['a', 'b'], { wait: '1s' }));
      await settle();
      locks.clock.stall(1_000);
      await grant(1);
      expect(store.next('acquire').asked).toMatchObject({ name: 'b', alive: 0 });
      store.next('acquire').answer(busy());
      await settle();
      expect(wanted.error).toMatchObject({ code: 'LOCK_BUSY' });
    });
  });
});
