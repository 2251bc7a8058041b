// The cases of `mode-exclusive`, `mode-shared` and `mode-mixed` of the web platform tests, in our own words.
import { describe, expect, it } from 'vitest';
import type { LockManager } from '../../../lib/web-locks.js';
import { deferred } from '../../support/event.js';
import { useRedis } from '../../support/redis.js';
import { bothStores } from '../../support/stores.js';
import { openClients, openLocks, Take } from '../../support/web-clients.js';

const redis = useRedis();

describe.each(bothStores(redis))('on $name', (store) => {
  const open = (): Promise<LockManager> => openLocks(store.shared());

  it('exclusive locks are granted in order', async () => {
    const locks = await open();
    const granted: number[] = [];
    await Promise.all([1, 2, 3].map((n) => locks.request('a', () => granted.push(n))));
    expect(granted).toEqual([1, 2, 3]);
  });

  it('exclusive locks of distinct names do not wait for each other', async () => {
    const locks = await open();
    const granted: string[] = [];
    let blocked: Promise<unknown> | undefined;
    await locks.request('a', async () => {
      blocked = locks.request('a', () => granted.push('a'));
      await locks.request('b', () => granted.push('b'));
    });
    await blocked;
    expect(granted).toEqual(['b', 'a']);
  });

  it('shared locks are granted in order', async () => {
    const locks = await open();
    const granted: number[] = [];
    const names = ['a', 'b', 'c', 'a', 'b', 'c'];
    await Promise.all(names.map((name, n) => locks.request(name, { mode: 'shared' }, () => granted.push(n))));
    expect(granted).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('a shared lock may be held twice', async () => {
    const locks = await open();
    const mode = 'shared';
    expect(await locks.request('a', { mode }, () => locks.request('a', { mode }, (lock) => lock?.mode))).toBe(mode);
  });

  it('shared and exclusive locks are granted in order', async () => {
    const locks = await open();
    const granted: string[] = [];
    const unblock = deferred();
    const shared = [1, 2, 3].map((n) =>
      locks.request('a', { mode: 'shared' }, () => {
        granted.push(`shared ${n}`);
        return unblock.promise;
      }),
    );
    const exclusive = locks.request('a', ({ mode }) => granted.push(mode));
    await locks.request('b', () => granted.push('of another name'));
    const first = ['shared 1', 'shared 2', 'shared 3', 'of another name'];
    expect(granted).toEqual(first);
    unblock.resolve();
    await Promise.all([...shared, exclusive]);
    expect(granted).toEqual([...first, 'exclusive']);
  });

  it('all shared locks that wait are granted when the exclusive one is released', async () => {
    const locks = await open();
    const exclusive = new Take(locks, 'a');
    const shared = Array.from({ length: 5 }, () => new Take(locks, 'a', { mode: 'shared' }));
    const before = await locks.query();
    expect(before.held.map(({ mode }) => mode)).toEqual(['exclusive']);
    expect(before.pending).toHaveLength(5);
    await exclusive.end();
    const after = await locks.query();
    expect(after.held.map(({ mode }) => mode)).toEqual(Array(5).fill('shared'));
    expect(after.pending).toEqual([]);
    await Promise.all(shared.map(({ granted }) => granted));
  });

  it('an exclusive lock between shared ones stays between them', async () => {
    const locks = await open();
    const takeFive = (): Take[] => Array.from({ length: 5 }, () => new Take(locks, 'a', { mode: 'shared' }));
    const modes = async (): Promise<string[]> => (await locks.query()).held.map(({ mode }) => mode);
    const first = takeFive();
    const exclusive = new Take(locks, 'a');
    const last = takeFive();
    expect(await modes()).toEqual(Array(5).fill('shared'));
    expect(last.map(({ called }) => called)).toEqual(Array(5).fill(false));
    await Promise.all(first.map((take) => take.end()));
    expect(await modes()).toEqual(['exclusive']);
    await exclusive.end();
    expect(await modes()).toEqual(Array(5).fill('shared'));
    await Promise.all(last.map(({ granted }) => granted));
  });

  it('the one queue of a name is that of all processes, in the order of the requests', async () => {
    const clients = await openClients(store.shared(), 3);
    const first = new Take(clients[0]!.locks, 'a');
    await first.granted;
    const granted: number[] = [];
    const requests: Promise<unknown>[] = [];
    for (const n of [0, 1, 2, 0, 1, 2]) {
      const mode = n === 1 ? 'shared' : 'exclusive';
      requests.push(clients[n]!.locks.request('a', { mode }, () => granted.push(n)));
      // By then the store has heard of it.
      expect((await clients[n]!.locks.query()).pending).toHaveLength(requests.length);
    }
    await first.end();
    await Promise.all(requests);
    expect(granted).toEqual([0, 1, 2, 0, 1, 2]);
  });
});
