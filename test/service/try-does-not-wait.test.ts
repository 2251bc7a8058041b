import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LockBusyError, type LockOptions, LockService } from '../../lib/index.js';
import { resolveServiceOptions } from '../../lib/service/service-options.js';
import { watch } from '../support/core-locks.js';
import { settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

/** Options that leave the wait open. */
const open: (LockOptions | undefined)[] = [undefined, {}, { wait: undefined }, { ttl: '5s', wait: undefined }];

describe('The verbs that try', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: LockService;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new LockService(store, resolveServiceOptions({ defaults: { wait: '1h' } }), async () => {});
  });

  it.each(open)('do not wait unless the call says so: %j', async (options) => {
    const acquired = watch(locks.tryAcquire('a', options));
    const ran = watch(locks.tryRun('b', options, () => 'done'));
    await settle();
    expect(store.all('acquire').map(({ asked }) => asked.alive)).toEqual([0, 0]);
    for (let i = 0; i < 2; i += 1) store.next('acquire').answer(busy());
    await settle();
    expect(acquired).toEqual({ settled: true, value: null });
    expect(ran).toEqual({ settled: true, value: { acquired: false } });
  });

  it('wait as long as the call says', async () => {
    void watch(locks.tryAcquire('a', { wait: '2s' }));
    await settle();
    expect(store.next('acquire').asked.alive).toBe(30_000);
  });

  it('reject when the store is away: that is not the same as busy', async () => {
    const body = vi.fn();
    const tries = [watch(locks.tryAcquire('a')), watch(locks.tryRun('b', body))];
    await settle();
    for (let i = 0; i < 2; i += 1) store.next('acquire').fail();
    await settle();
    for (const { error } of tries) expect(error).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(body).not.toHaveBeenCalled();
  });

  it('let a busy error of the body itself through, as it is', async () => {
    const own = new LockBusyError('another', 1, [], 1);
    const ran = watch(locks.tryRun('a', () => Promise.reject(own)));
    await settle();
    store.next('acquire').answer(granted());
    await settle();
    expect(ran.error).toBe(own);
  });
});
