import { beforeEach, describe, expect, it, vi } from 'vitest';
import { resolveOnceOptions, runOnce } from '../../lib/features/once.js';
import { MemoryLockStore } from '../../lib/index.js';
import { CoreLocks, type Watched, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { granted, ScriptedStore } from '../support/scripted-store.js';

describe('Work that is done once', () => {
  useFakeTime();
  const body = vi.fn(() => 'done');
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    body.mockClear();
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store, { commandTimeout: '1m' });
  });

  /** Until the second look for the mark is on its way. */
  async function start(): Promise<Watched<unknown>> {
    const options = resolveOnceOptions(locks.locker.defaults, { remember: '1h', ttl: '3s' });
    const run = watch(runOnce(locks.locker, 'door', options, body));
    await settle();
    store.next('doneAt').answer(null);
    await settle();
    store.next('acquire').answer(granted());
    await settle();
    return run;
  }

  it('is not begun when the lock was lost while the mark was looked for', async () => {
    const run = await start();
    const { owner } = store.all('acquire')[0]?.asked ?? { owner: '' };
    store.revoke(owner);
    store.next('doneAt').answer(null);
    await settle();
    expect(run.error).toMatchObject({ code: 'LOCK_LOST', why: 'forced' });
    expect(body).not.toHaveBeenCalled();
  });

  it('is not begun when its lease ended meanwhile', async () => {
    const run = await start();
    await pass(3_000);
    store.next('doneAt').answer(null);
    await settle();
    expect(run.error).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
    expect(body).not.toHaveBeenCalled();
  });

  it('is begun while the lock is held', async () => {
    const run = await start();
    store.next('doneAt').answer(null);
    await settle();
    store.next('complete').answer(true);
    await settle();
    expect(run.value).toEqual({ status: 'ran', value: 'done' });
  });
});

describe('What stands beside the locks', () => {
  it('needs a store that can mark before anything is done', async () => {
    const memory = new MemoryLockStore();
    const locks = new CoreLocks(Object.assign(memory, { complete: undefined }) as unknown as MemoryLockStore);
    await expect(locks.locker.calls.doneAt('door')).rejects.toMatchObject({ code: 'LOCK_OPTIONS' });
  });

  it('steals nothing after the end of the service', async () => {
    const store = new ScriptedStore().letGo();
    const steal = vi.fn();
    const locks = new CoreLocks(Object.assign(store, { steal }));
    const stealing = watch(locks.locker.acquire(['door'], { ...locks.locker.defaults, steal: true }));
    await new Promise(setImmediate);
    const closed = locks.close();
    store.next('inspect').answer({ holders: [], waiting: [], lastToken: 5 });
    await closed;
    await new Promise(setImmediate);
    expect(stealing.error).toMatchObject({ code: 'LOCK_CLOSED' });
    expect(steal).not.toHaveBeenCalled();
  });
});
