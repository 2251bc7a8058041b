import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runtime } from '../../lib/core/runtime.js';
import type { Lock, LockOptions } from '../../lib/index.js';
import { CoreLocks, holdFirst, type Watched, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { granted, ScriptedStore } from '../support/scripted-store.js';

describe('The callers of a hand-over', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  const holding = (options: LockOptions[]): Promise<Watched<Lock>[]> => holdFirst(locks, store, options);
  const callers = (count: number, options: LockOptions = {}): LockOptions[] =>
    Array.from({ length: count }, () => options);

  it('hear of a loss if they hold at the moment, and not if they held before', async () => {
    const wants = await holding(callers(2));
    const signals = [wants[0]!.value!.signal];
    await wants[0]!.value!.release();
    await settle();
    signals.push(wants[1]!.value!.signal);
    store.revoke(`${[...store.listeners.keys()][0]}#1`);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    expect(signals[1]!.reason).toMatchObject({ code: 'LOCK_LOST', why: 'forced' });
  });

  it('are not handed a lease whose length its holder has changed', async () => {
    const wants = await holding(callers(2, { ttl: '30s' }));
    const extended = wants[0]!.value!.extend('20s');
    await settle();
    store.next('renew').answer(true);
    await extended;
    void wants[0]!.value!.release();
    await settle();
    expect(wants[1]!.settled).toBe(false);
    expect(store.log()).toEqual(['renew', 'release', 'acquire']);
  });

  it('are not given the extension that another asked for', async () => {
    const wants = await holding(callers(2, { ttl: '30s' }));
    store.reconnect();
    const extended = watch(wants[0]!.value!.extend('1h'));
    await wants[0]!.value!.release();
    await settle();
    store.next('renew').answer(true);
    await settle();
    expect(extended.error).toMatchObject({ code: 'LOCK_LOST', why: 'released' });
    expect(wants[1]!.value!.held).toBe(true);
    expect(store.all('renew')).toHaveLength(1);
  });

  it('wait for it no longer than they said', async () => {
    locks = new CoreLocks(store, { localHandOver: { within: '1h' } });
    const wants = [watch(locks.acquire('door')), watch(locks.acquire('door', { wait: '1s' }))];
    const third = watch(locks.acquire('door', { wait: '2s' }));
    await settle();
    // Granted at once: the store never said "busy".
    store.next('acquire').answer(granted({ block: 3 }));
    await pass(1_000);
    expect(wants[0]!.settled).toBe(true);
    expect(wants[1]!.error).toMatchObject({ code: 'LOCK_BUSY', waited: 1_000, holders: ['here'] });
    await pass(1_000);
    expect(third.error).toMatchObject({ code: 'LOCK_BUSY', waited: 2_000 });
  });

  it('keep the process alive while they wait for it', async () => {
    const armed = vi.spyOn(runtime, 'setTimeout');
    const wants = await holding(callers(2, { wait: Number.POSITIVE_INFINITY }));
    const timers = armed.mock.results.map(({ value }) => value as NodeJS.Timeout);
    expect(timers.at(-1)!.hasRef()).toBe(true);
    await wants[0]!.value!.release();
    armed.mockRestore();
  });

  it('leave no timer when nobody is left', async () => {
    const controller = new AbortController();
    const wants = await holding([{}, { signal: controller.signal }]);
    controller.abort();
    await settle();
    await wants[0]!.value!.release();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });
});
