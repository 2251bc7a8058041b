import { beforeEach, describe, expect, it } from 'vitest';
import type { Lock, LockOptions } from '../../lib/index.js';
import { CoreLocks, holdFirst, type Watched, watch } from '../support/core-locks.js';
import { deferred } from '../support/event.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { granted, ScriptedStore } from '../support/scripted-store.js';

describe('Hand-over inside the process', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  const holding = (options: LockOptions[], grant?: { token?: number; block?: number }): Promise<Watched<Lock>[]> =>
    holdFirst(locks, store, options, grant);

  const callers = (count: number, options: LockOptions = {}): LockOptions[] =>
    Array.from({ length: count }, () => options);

  it('gives the lease to the next without the store, in order, with the next token of the block', async () => {
    const wants = await holding(callers(4), { token: 100 });
    for (const [index, want] of wants.entries()) {
      expect(want.value!.fencingToken).toBe(100 + index);
      expect(want.value!.held).toBe(true);
      if (index === 3) break;
      await expect(want.value!.release()).resolves.toBe(true);
      expect(want.value!.held).toBe(false);
      expect(want.value!.remaining()).toBe(0);
      await settle();
    }
    expect(store.calls).toEqual([]);
    await wants[3]!.value!.release();
    expect(store.log()).toEqual(['release']);
  });

  it('never goes beyond the tokens of the block', async () => {
    const wants = await holding(callers(5), { block: 3 });
    for (const want of wants.slice(0, 3)) {
      await want.value!.release();
      await settle();
    }
    expect(wants.map(({ settled }) => settled)).toEqual([true, true, true, false, false]);
    expect(store.log()).toEqual(['acquire', 'release']);
  });

  it('has the claim of the next made as soon as the last token of the block is out', async () => {
    const wants = await holding(callers(3), { block: 2 });
    expect(store.calls).toEqual([]);
    await wants[0]!.value!.release();
    await settle();
    expect(store.log()).toEqual(['acquire']);
  });

  it.each([
    { after: 9, happens: true },
    { after: 10, happens: false },
  ])('happens only for `within` after the grant: $after ms later: $happens', async ({ after, happens }) => {
    const wants = await holding(callers(2));
    await pass(after);
    void wants[0]!.value!.release();
    await settle();
    expect(wants[1]!.settled).toBe(happens);
    expect(store.all('release')).toHaveLength(happens ? 0 : 1);
  });

  it('has the claim of the next made when that time is over, so that the process has its place in the queue', async () => {
    await holding(callers(2));
    await pass(9);
    expect(store.calls).toEqual([]);
    await pass(1);
    expect(store.log()).toEqual(['acquire']);
    expect(store.next('acquire').asked).toMatchObject({ attempt: 1, block: 64 });
  });

  it('asks for a lease of which at least half is left', async () => {
    locks = new CoreLocks(store, { localHandOver: { within: '1h' } });
    const wants = await holding(callers(3, { ttl: '10s' }));
    // The event loop stalls, and no renewal goes out.
    locks.clock.stall(4_999);
    void wants[0]!.value!.release();
    await settle();
    expect(wants[1]!.settled).toBe(true);
    locks.clock.stall(2);
    void wants[1]!.value!.release();
    await settle();
    expect(wants[2]!.settled).toBe(false);
    expect(store.log()).toEqual(['release', 'acquire']);
  });

  it.each<[string, LockOptions, LockOptions]>([
    ['the next has another ttl', { ttl: '10s' }, { ttl: '11s' }],
    ['the next is not to be renewed', {}, { renew: false }],
    ['the next may hold only so long', {}, { maxHold: '1m' }],
    ['the lease is not renewed', { renew: false }, {}],
    ['the lease may last only so long', { maxHold: '1m' }, {}],
    ['the lock is to be kept back', { holdAtLeast: '1s' }, {}],
  ])('does not happen when %s', async (_, first, second) => {
    const wants = await holding([first, second]);
    void wants[0]!.value!.release();
    await settle();
    expect(wants[1]!.settled).toBe(false);
    expect(store.log()).toContain('release');
    expect(store.open('acquire')).toBe(1);
  });

  it('keeps the lock back from the others when the first asked for that, and tells the store how long', async () => {
    const [first] = await holding([{ holdAtLeast: '1s' }, {}]);
    await pass(3);
    void first!.value!.release();
    expect(store.all('release')[0]!.asked.retain).toBe(997);
  });

  it('happens when the time to keep it back is over', async () => {
    const wants = await holding([{ holdAtLeast: 5 }, {}]);
    await pass(5);
    void wants[0]!.value!.release();
    await settle();
    expect(wants[1]!.settled).toBe(true);
  });

  it('does not happen when the lock was lost', async () => {
    const wants = await holding(callers(2), { block: 2 });
    const owner = `${[...store.listeners.keys()][0]}#1`;
    store.revoke(owner);
    expect(wants[0]!.value!.held).toBe(false);
    expect(store.log()).toEqual(['acquire']);
    await expect(wants[0]!.value!.release()).resolves.toBe(false);
    await settle();
    expect(wants[1]!.settled).toBe(false);
  });

  it('does not happen with a lease after which another was granted here: the store has ended it', async () => {
    locks = new CoreLocks(store, { localHandOver: { within: '1h' } });
    const wants = await holding([{}, { renew: false }, {}]);
    // Ended by force, and the message is lost.
    store.next('acquire').answer(granted({ token: 200 }));
    await settle();
    expect(wants[1]!.value!.fencingToken).toBe(200);
    void wants[0]!.value!.release();
    await settle();
    expect(wants[2]!.settled).toBe(false);
  });

  it.each([
    { left: 0, why: 'expired' },
    { left: 1, why: 'taken' },
  ])('tells a lease with $left ms left, after which another was granted here, as $why', async ({ left, why }) => {
    locks = new CoreLocks(store, { localHandOver: { within: '1h' } });
    const [first] = await holding([{ ttl: '10s' }, { renew: false, ttl: '9s' }]);
    const { signal } = first!.value!;
    // The machine sleeps, and no timer has fired yet when the answer comes.
    locks.clock.stall(10_000 - left);
    store.next('acquire').answer(granted({ token: 200 }));
    await settle();
    store.next('acquire').answer(granted({ token: 200 }));
    await settle();
    expect(signal.reason).toMatchObject({ why });
  });

  it('passes over those who have left', async () => {
    const controller = new AbortController();
    const wants = await holding([{}, { signal: controller.signal }, {}]);
    controller.abort(new Error('enough'));
    void wants[0]!.value!.release();
    await settle();
    expect(wants[1]!.error).toEqual(new Error('enough'));
    expect(wants[2]!.value!.fencingToken).toBe(101);
  });

  it('happens when the last call that shares the lock is done, not before', async () => {
    const detached = deferred();
    const outer = locks.run('door', {}, async () => {
      void locks.run('door', { reentrant: true }, () => detached.promise);
    });
    const next = watch(locks.acquire('door'));
    await settle();
    store.next('acquire').answer(granted({ block: 2 }));
    await outer;
    await settle();
    expect(next.settled).toBe(false);
    detached.resolve();
    await settle();
    expect(next.value!.fencingToken).toBe(101);
    expect(store.all('release')).toEqual([]);
  });
});
