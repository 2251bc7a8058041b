import { beforeEach, describe, expect, it } from 'vitest';
import type { LockOptions } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { deferred } from '../support/event.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('Re-entry', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  let tokens: number;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    store.automatic.acquire = () => granted({ token: ++tokens });
    tokens = 0;
    locks = new CoreLocks(store, { defaults: { reentrant: true } });
  });

  const asked = () => store.all('acquire').map(({ asked: { name } }) => name);
  const released = () => store.all('release').map(({ asked: { name } }) => name);

  it('of a call chain reuses the lock that it holds: same lease, same token, no command', async () => {
    const seen = await locks.run('door', {}, (outer) =>
      locks.run('door', {}, async (inner) => {
        await settle();
        return locks.run('door', {}, (innermost) => [outer, inner, innermost].map(({ fencingToken }) => fencingToken));
      }),
    );
    expect(seen).toEqual([1, 1, 1]);
    expect(store.log()).toEqual(['acquire', 'release']);
  });

  it('works without waiting, and with what the outer call gives', async () => {
    const given: LockOptions = {
      wait: 0,
      ttl: '5s',
      holdAtLeast: '1m',
      maxHold: '1h',
      renew: true,
      replicas: 1,
      permits: 1,
    };
    await locks.run('door', { ttl: '30s', holdAtLeast: '1h', maxHold: '1m', replicas: 2 }, () =>
      locks.run('door', { ...given, mode: 'shared' }, () => {}),
    );
    expect(asked()).toEqual(['door']);
  });

  it('gives the lock back when the last call is done, also when the outer one is done first', async () => {
    const inner = deferred();
    await locks.run('door', {}, () => {
      void locks.run('door', {}, () => inner.promise);
    });
    await settle();
    expect(released()).toEqual([]);
    inner.resolve();
    await settle();
    expect(released()).toEqual(['door']);
  });

  it('leaves the outer lock held when the inner call is done', async () => {
    await locks.run('door', {}, async (outer) => {
      await locks.run('door', {}, async (inner) => {
        expect(inner).not.toBe(outer);
      });
      expect(outer.held).toBe(true);
      expect(outer.signal.aborted).toBe(false);
      expect(released()).toEqual([]);
    });
  });

  it('leaves the outer lock held when the inner handle is released by hand, twice', async () => {
    await locks.run('door', {}, async (outer) => {
      await locks.run('door', {}, async (inner) => {
        await expect(inner.release()).resolves.toBe(true);
        await inner.release();
        expect(inner.held).toBe(false);
        expect(outer.held).toBe(true);
      });
    });
    expect(released()).toEqual(['door']);
  });

  it('of several names acquires only those that are not held', async () => {
    await locks.run(['b', 'd'], {}, () =>
      locks.run(['a', 'b', 'c', 'd'], {}, (inner) => {
        expect(inner.names).toEqual(['a', 'b', 'c', 'd']);
        expect(asked()).toEqual(['b', 'd', 'a', 'c']);
      }),
    );
    expect(released()).toEqual(['a', 'c', 'b', 'd']);
  });

  it('gives nothing of the outer call back when the inner one fails to get its names', async () => {
    await locks.run('b', {}, async (outer) => {
      delete store.automatic.acquire;
      const inner = watch(locks.run(['a', 'b', 'c'], {}, () => {}));
      await settle();
      store.next('acquire').answer(granted({ token: 7 }));
      await settle();
      store.next('acquire').fail();
      await settle();
      expect(inner.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'c' });
      expect(released()).toEqual(['a']);
      expect(outer.held).toBe(true);
    });
    expect(released()).toEqual(['a', 'b']);
  });

  it('is found through a lock of another name in between', async () => {
    await locks.run('a', {}, () => locks.run('b', {}, () => locks.run('a', {}, () => {})));
    expect(asked()).toEqual(['a', 'b']);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['with `reentrant: false`', () => locks.run('door', { reentrant: false }, () => 'second')],
    ['by acquire()', async () => (await locks.acquire('door')).release()],
  ])('does not happen %s: the caller waits for itself', async (_, again) => {
    const second = await locks.run('door', {}, async () => {
      delete store.automatic.acquire;
      const wanted = watch(again());
      await settle();
      store.next('acquire').answer(busy({ retryAfter: 10 }));
      await settle();
      return wanted;
    });
    expect(second.settled).toBe(false);
    await pass(11);
    store.next('acquire').answer(granted());
    await settle();
    expect(second.settled).toBe(true);
  });

  it('does not happen in a task that outlives the lock: it asks anew', async () => {
    const later = deferred();
    let task: Promise<number> | undefined;
    await locks.run('door', {}, () => {
      task = later.promise.then(() => locks.run('door', {}, ({ fencingToken }) => fencingToken));
    });
    later.resolve();
    await settle();
    await expect(task).resolves.toBe(2);
  });

  it('does not happen when the lock was lost: the inner call asks anew', async () => {
    const inner = await locks.run('door', { onLost: 'ignore' }, (outer) => {
      store.revoke(store.all('acquire')[0]!.asked.owner);
      expect(outer.held).toBe(false);
      return locks.run('door', {}, ({ fencingToken }) => fencingToken);
    });
    expect(inner).toBe(2);
  });

  it('does not cross from one service to another', async () => {
    const other = new CoreLocks(store);
    await locks.run('door', {}, () => other.run('door', {}, (lock) => expect(lock.fencingToken).toBe(2)));
    expect(asked()).toEqual(['door', 'door']);
  });

  it('does not cross from one chain to another', async () => {
    const end = deferred();
    const first = locks.run('door', {}, () => end.promise);
    await settle();
    delete store.automatic.acquire;
    const second = watch(locks.run('door', {}, () => 'second'));
    await settle();
    expect(second.settled).toBe(false);
    expect(store.open('acquire')).toBe(1);
    end.resolve();
    await first;
    store.next('acquire').answer(granted());
    await settle();
    expect(second.value).toBe('second');
  });

  it('reports a loss to the inner call and to the outer one', async () => {
    const outer = watch(
      locks.run('door', {}, async () => {
        const inner = watch(
          locks.run('door', {}, async (lock) => {
            store.revoke(store.all('acquire')[0]!.asked.owner);
            expect(lock.signal.aborted).toBe(true);
            return 'inner';
          }),
        );
        await settle();
        expect(inner.error).toMatchObject({ code: 'LOCK_LOST', result: 'inner' });
        return 'outer';
      }),
    );
    await settle();
    await settle();
    expect(outer.error).toMatchObject({ code: 'LOCK_LOST', result: 'outer' });
  });

  describe('of the other mode', () => {
    const shared: LockOptions = { mode: 'shared' };

    it('lets an exclusive holder share', async () => {
      await locks.run('door', {}, () => locks.run('door', shared, () => {}));
      expect(asked()).toEqual(['door']);
    });

    it('lets a shared holder share', async () => {
      await locks.run('door', { ...shared, permits: 2 }, () => locks.run('door', { ...shared, permits: 3 }, () => {}));
      expect(asked()).toEqual(['door']);
    });

    it.each<[string, () => Promise<unknown>]>([
      ['run', () => locks.run('door', {}, () => {})],
      ['run with `reentrant: false`', () => locks.run('door', { reentrant: false }, () => {})],
      ['run of several names', () => locks.run(['a', 'door'], {}, () => {})],
      ['acquire', () => locks.acquire('door', {})],
    ])(
      'refuses a shared holder that asks for exclusive, at once: it would wait for itself (%s)',
      async (_, upgrade) => {
        await locks.run('door', shared, async (outer) => {
          await expect(upgrade()).rejects.toMatchObject({ code: 'LOCK_UPGRADE', lockName: 'door' });
          expect(outer.held).toBe(true);
        });
        expect(asked().filter((name) => name === 'door')).toHaveLength(1);
        expect(released().sort()).toEqual(asked().sort());
      },
    );

    it('lets a task ask for exclusive that outlives its shared lock', async () => {
      const later = deferred();
      let task: Promise<unknown> | undefined;
      await locks.run('door', shared, () => {
        task = later.promise.then(() => locks.run('door', {}, () => 'done'));
      });
      later.resolve();
      await expect(task).resolves.toBe('done');
    });
  });
});
