// The cases of `query-empty`, `query`, `query-ordering` and of the client ids of the web platform tests, in our own
// words. A worker or a frame is a second client here: another service on the same store.
import { describe, expect, it } from 'vitest';
import type { LockManager } from '../../../lib/web-locks.js';
import { useRedis } from '../../support/redis.js';
import { bothStores } from '../../support/stores.js';
import { clientsOf, modesOf, openClients, openLocks, Take } from '../../support/web-clients.js';

const redis = useRedis();

describe.each(bothStores(redis))('query() of a lock manager on $name', (store) => {
  const open = (): Promise<LockManager> => openLocks(store.shared());

  it('tells of nothing where nothing is held', async () => {
    const locks = await open();
    expect(await locks.query()).toEqual({ held: [], pending: [] });
    await locks.request('a', () => {});
    expect(await locks.query()).toEqual({ held: [], pending: [] });
  });

  it('has a name, a mode and a client for each', async () => {
    const locks = await open();
    await locks.request('a', async () => {
      const blocked = new Take(locks, 'a');
      expect(await locks.request('a', { ifAvailable: true }, (lock) => lock)).toBeNull();
      expect(blocked.called).toBe(false);
      const info = { name: 'a', mode: 'exclusive', clientId: expect.stringMatching(/^[0-9a-f]{32}$/) };
      expect(await locks.query()).toStrictEqual({ held: [info], pending: [info] });
    });
  });

  it.each(['exclusive', 'shared'] as const)('tells of one lock that is held as %s', async (mode) => {
    const locks = await open();
    const { held } = await locks.request('a', { mode }, () => locks.query());
    expect(modesOf(held, 'a')).toEqual([mode]);
  });

  it('tells of several that are held', async () => {
    const locks = await open();
    const { held } = await locks.request('a', () => locks.request('b', { mode: 'shared' }, () => locks.query()));
    expect([modesOf(held, 'a'), modesOf(held, 'b')]).toEqual([['exclusive'], ['shared']]);
  });

  it('tells of held and pending ones, each once', async () => {
    const locks = await open();
    await locks.request('a', async () => {
      new Take(locks, 'a');
      const { held, pending } = await locks.query();
      expect([modesOf(held, 'a'), modesOf(pending, 'a')]).toEqual([['exclusive'], ['exclusive']]);
    });
  });

  it('tells of a shared lock as often as it is held', async () => {
    const locks = await open();
    const mode = 'shared';
    const { held } = await locks.request('a', { mode }, () => locks.request('a', { mode }, () => locks.query()));
    expect(modesOf(held, 'a')).toEqual([mode, mode]);
  });

  it('tells of a shared lock as often as it is waited for', async () => {
    const locks = await open();
    await locks.request('a', async () => {
      const takes = [new Take(locks, 'a', { mode: 'shared' }), new Take(locks, 'a', { mode: 'shared' })];
      const { held, pending } = await locks.query();
      expect(takes.map(({ called }) => called)).toEqual([false, false]);
      expect([modesOf(held, 'a'), modesOf(pending, 'a')]).toEqual([['exclusive'], ['shared', 'shared']]);
    });
  });

  it('names the same client for all locks of one', async () => {
    const locks = await open();
    const { held } = await locks.request('a', () => locks.request('b', () => locks.query()));
    expect(clientsOf(held, 'a')).toHaveLength(1);
    expect(clientsOf(held, 'a')).toEqual(clientsOf(held, 'b'));
  });

  it('names different clients for those of several, and does not show who they are', async () => {
    const [here, there] = await openClients({ ...store.shared(), instance: 'the-label' }, 2);
    await new Take(there!.locks, 'a', { mode: 'shared' }).granted;
    const { held } = await here!.locks.request('a', { mode: 'shared' }, () => here!.locks.query());
    expect(new Set(clientsOf(held, 'a')).size).toBe(2);
    const { holders } = await here!.service.locker.calls.look('web:a');
    expect(holders).toHaveLength(1);
    for (const { owner } of holders) {
      const [id] = owner.split('.');
      expect(JSON.stringify(held)).not.toContain(id);
      expect(JSON.stringify(held)).not.toContain('the-label');
    }
  });

  it('lets a deadlock be seen', async () => {
    const [here, there] = await openClients(store.shared(), 2);
    await new Take(there!.locks, 'a').granted;
    await new Take(here!.locks, 'b').granted;
    const waiting = [new Take(there!.locks, 'b'), new Take(here!.locks, 'a')];
    expect(await there!.locks.request('b', { ifAvailable: true }, (lock) => lock)).toBeNull();
    const { held, pending } = await here!.locks.query();
    expect([clientsOf(held, 'a'), clientsOf(held, 'b')].map(({ length }) => length)).toEqual([1, 1]);
    expect(clientsOf(held, 'a')).toEqual(clientsOf(pending, 'b'));
    expect(clientsOf(held, 'b')).toEqual(clientsOf(pending, 'a'));
    expect(clientsOf(held, 'a')).not.toEqual(clientsOf(held, 'b'));
    expect(waiting.map(({ called }) => called)).toEqual([false, false]);
  });

  it('has the pending ones in the order in which they were asked for, whoever asked', async () => {
    const clients = await openClients(store.shared(), 4);
    const observer = clients.pop()!.locks;
    const ids: string[] = [];
    for (const { locks } of clients) {
      const { held } = await locks.request('own', () => locks.query());
      ids.push(...clientsOf(held, 'own'));
    }
    expect(new Set(ids).size).toBe(3);
    const first = new Take(observer, 'a');
    await first.granted;
    const ask = async (client: number): Promise<Take> => {
      const take = new Take(clients[client]!.locks, 'a');
      // A request of the same client that was answered: the store has heard of the one before.
      await clients[client]!.locks.request('checkpoint', () => {});
      return take;
    };
    const order = async (): Promise<string[]> => clientsOf((await observer.query()).pending, 'a');
    const early = [await ask(0), await ask(1), await ask(2)];
    expect(await order()).toEqual([ids[0], ids[1], ids[2]]);
    for (const client of [2, 0, 1]) await ask(client);
    await first.end();
    for (const take of early.slice(0, 2)) await take.end();
    await early[2]?.granted;
    expect(await order()).toEqual([ids[2], ids[0], ids[1]]);
  });

  it('tells of web locks only, and of an ordinary lock by a name of theirs', async () => {
    const [client] = await openClients(store.shared(), 1);
    const { locks, service } = client!;
    await using _ordinary = await service.acquire(['a', 'webby', 'web', 'web:%41', 'web:%ud800', 'web:b']);
    const { held } = await locks.query();
    expect(held.map(({ name }) => name)).toEqual(['b']);
    expect(await locks.request('b', { ifAvailable: true }, (lock) => lock)).toBeNull();
    expect(await locks.request('a', { ifAvailable: true }, (lock) => lock?.name)).toBe('a');
  });

  it('does not tell of what is only kept back after its release', async () => {
    const [client] = await openClients(store.shared(), 1);
    const { locks, service } = client!;
    await service.run('web:a', { holdAtLeast: '1m' }, async () => {});
    expect(await locks.query()).toEqual({ held: [], pending: [] });
    expect(await locks.request('a', { ifAvailable: true }, (lock) => lock)).toBeNull();
  });

  it('is of the locks of the namespace', async () => {
    const [here, elsewhere] = [await open(), await open()];
    await new Take(here, 'a').granted;
    expect(await elsewhere.query()).toEqual({ held: [], pending: [] });
  });
});
