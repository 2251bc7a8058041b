import { describe, expect, it, vi } from 'vitest';
import type { HeldLock } from '../../lib/core/lock.js';
import { Candidacy } from '../../lib/features/leader-election.js';
import { MemoryLockStore } from '../../lib/index.js';
import { CoreLocks } from '../support/core-locks.js';
import { deferred } from '../support/event.js';
import { settle, useFakeTime } from '../support/fake-time.js';

describe('A candidate that resigns', () => {
  useFakeTime();

  it('between the grant and the knowledge of it gives the lock back, and calls nobody', async () => {
    const locks = new CoreLocks(new MemoryLockStore());
    const granted = deferred<HeldLock>();
    const onElected = vi.fn();
    const warn = vi.fn();
    const over = vi.fn();
    const campaign = { realm: locks, grace: 1_000, tell: () => {}, acquire: () => granted.promise, warn, over };
    const election = new Candidacy('door', { onElected }, campaign);
    const lock = await locks.acquire('door');
    granted.resolve(lock);
    const resigned = election.resign();
    await settle();
    await resigned;
    expect([lock.held, onElected.mock.calls, warn.mock.calls]).toEqual([false, [], []]);
    expect(over).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('when its term has failed does not pause', async () => {
    const locks = new CoreLocks(new MemoryLockStore());
    const fail = (): never => {
      throw new Error('no disk');
    };
    const campaign = {
      realm: locks,
      grace: 1_000,
      tell: () => {},
      acquire: () => locks.acquire('door'),
      warn: vi.fn(),
      over: vi.fn(),
    };
    const election: Candidacy = new Candidacy(
      'door',
      { onElected: fail, onDeposed: () => void election.resign() },
      campaign,
    );
    await settle();
    expect([campaign.over.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it('in the pause after an error ends it', async () => {
    const warn = vi.fn();
    const acquire = vi.fn(() => Promise.reject(new Error('no store')));
    const campaign = { realm: {}, grace: 1_000, tell: () => {}, acquire, warn, over: () => {} };
    const election = new Candidacy('door', { onElected: () => {} }, campaign);
    await settle();
    expect(vi.getTimerCount()).toBe(1);
    await election.resign();
    expect([vi.getTimerCount(), acquire.mock.calls.length, warn.mock.calls.length]).toEqual([0, 1, 1]);
  });
});
