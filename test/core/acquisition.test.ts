import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type Lock, LockOptionsError } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { granted, ScriptedStore } from '../support/scripted-store.js';

describe('An acquisition', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  let lock: Lock;
  beforeEach(async () => {
    store = new ScriptedStore();
    locks = new CoreLocks(store);
    const acquired = locks.acquire('door');
    await settle();
    store.next('acquire').answer(granted({ token: 7 }));
    lock = await acquired;
  });

  const revoke = () => store.revoke(store.all('acquire')[0]!.asked.owner);

  it('tells the name, mode, token, and what is left', () => {
    expect(lock).toMatchObject({ name: 'door', names: ['door'], mode: 'exclusive', fencingToken: 7, held: true });
    expect([...lock.fencingTokens]).toEqual([['door', 7]]);
    expect(lock.remaining()).toBe(15_000);
  });

  it('is used up from the moment of the release, before the store has answered', async () => {
    const released = watch(lock.release());
    expect(lock.held).toBe(false);
    expect(lock.remaining()).toBe(0);
    await expect(lock.extend()).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'released', lockName: 'door' });
    store.next('release').answer(true);
    await settle();
    expect(released.value).toBe(true);
    expect(store.all('renew')).toEqual([]);
  });

  it('is released once: a second call does nothing, and resolves to the same', async () => {
    const both = [lock.release(), lock.release()];
    store.next('release').answer(true);
    await expect(Promise.all([...both, lock.release()])).resolves.toEqual([true, true, true]);
    expect(store.all('release')).toHaveLength(1);
  });

  it.each(['revoked', 'found not ours'])(
    'resolves its release to false when the lock had been lost (%s)',
    async (how) => {
      if (how === 'revoked') revoke();
      const released = watch(lock.release());
      if (how === 'found not ours') store.next('release').answer(false);
      await settle();
      expect(released.value).toBe(false);
    },
  );

  it('rejects its release when the store does not answer, with an error of ours', async () => {
    const down = new Error('scripted: down');
    const released = watch(lock.release());
    for (let i = 0; i < 200 && !released.settled; i += 1) {
      while (store.open('release') > 0) store.next('release').fail(down);
      await pass(100);
    }
    expect(lock.remaining()).toBe(0);
    expect(released.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'door', cause: down });
  });

  it('rejects an extension when the store does not answer, with an error of ours, and is still held', async () => {
    const extended = watch(lock.extend());
    store.next('renew').fail(new Error('scripted: down'));
    await settle();
    expect(extended.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'door' });
    expect(lock.held).toBe(true);
  });

  it.each([0, -1, 'soon', Number.NaN, Number.POSITIVE_INFINITY])('refuses to be extended by %j', async (ttl) => {
    await expect(lock.extend(ttl as number)).rejects.toThrow(LockOptionsError);
    await expect(lock.extend(ttl as number)).rejects.toThrow('`ttl`');
    expect(store.all('renew')).toEqual([]);
  });

  it('rejects an extension of a lock that was lost, with the reason', async () => {
    revoke();
    await expect(lock.extend()).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'forced' });
  });

  it('never rejects when a block that declared it ends', async () => {
    const end = watch(Promise.resolve(lock[Symbol.asyncDispose]()));
    store.next('release').fail();
    await settle();
    expect(end).toEqual({ settled: true });
  });

  describe('has a signal', () => {
    it('that aborts once with the loss', async () => {
      const aborted = vi.fn();
      lock.signal.addEventListener('abort', aborted);
      expect(lock.signal).toBe(lock.signal);
      revoke();
      revoke();
      await pass(60_000);
      expect(aborted).toHaveBeenCalledTimes(1);
      expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', lockName: 'door', why: 'forced' });
    });

    it('that has aborted already when it is first looked at after the loss', () => {
      revoke();
      expect(lock.signal.aborted).toBe(true);
    });

    it('that has aborted when it is looked at after the end of the lease, though no timer has fired', () => {
      const early = lock.signal;
      locks.clock.stall(15_000);
      expect(lock.signal.aborted).toBe(true);
      expect(early.aborted).toBe(true);
    });

    it('that aborts at the end of the lease, though nobody looks', async () => {
      const { signal } = lock;
      await pass(14_999);
      expect(signal.aborted).toBe(false);
      await pass(1);
      expect(signal.aborted).toBe(true);
    });

    it('that no release aborts, nor anything after it', async () => {
      const { signal } = lock;
      const released = lock.release();
      store.next('release').answer(true);
      await released;
      revoke();
      await pass(60_000);
      expect(signal.aborted).toBe(false);
      expect(lock.signal.aborted).toBe(false);
    });
  });
});
