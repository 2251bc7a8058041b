import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_LOCK_OPTIONS } from '../../lib/core/options.js';
import { resolveServiceOptions } from '../../lib/service/service-options.js';
import { CoreLocks } from '../support/core-locks.js';
import { settle, useFakeTime } from '../support/fake-time.js';
import { granted, ScriptedStore } from '../support/scripted-store.js';

const REFUSED = { code: 'LOCK_OPTIONS', message: expect.stringContaining('`longestTtl`') };

describe('longestTtl', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store, { longestTtl: '1m' });
  });

  it.each([{ ttl: 60_001 }, { holdAtLeast: '61s' }] as const)(
    'refuses %j before the store is asked',
    async (options) => {
      await expect(locks.acquire('door', options)).rejects.toMatchObject(REFUSED);
      await expect(locks.acquire(['door', 'gate'], options)).rejects.toMatchObject(REFUSED);
      await expect(locks.run('door', options, () => {})).rejects.toMatchObject(REFUSED);
      expect(store.log()).toEqual([]);
    },
  );

  it('refuses a longer extension, and the lock stays as it is', async () => {
    const acquired = locks.acquire('door', { ttl: '1m' });
    store.next('acquire').answer(granted());
    const lock = await acquired;
    await expect(lock.extend('2m')).rejects.toMatchObject(REFUSED);
    expect(lock.held).toBe(true);
    const extended = lock.extend('1m');
    await settle();
    store.next('renew').answer(true);
    await extended;
  });

  it('is the ttl of the defaults on a quorum, and no bound elsewhere', () => {
    expect(resolveServiceOptions({}).longestTtl).toBe(Number.POSITIVE_INFINITY);
    expect(resolveServiceOptions({}, true).longestTtl).toBe(DEFAULT_LOCK_OPTIONS.ttl);
    expect(resolveServiceOptions({ defaults: { ttl: '5s' } }, true).longestTtl).toBe(5_000);
    expect(resolveServiceOptions({ longestTtl: '1m' }, true).longestTtl).toBe(60_000);
  });
});
