// The cases of `held`, `ifAvailable` and `lock-attributes` of the web platform tests, in our own words.
import { describe, expect, it, vi } from 'vitest';
import { currentLock } from '../../../lib/index.js';
import type { LockManager, WebLock } from '../../../lib/web-locks.js';
import { useRedis } from '../../support/redis.js';
import { bothStores } from '../../support/stores.js';
import { openClients, openLocks, Take } from '../../support/web-clients.js';

const redis = useRedis();

describe.each(bothStores(redis))('on $name', (store) => {
  const open = (): Promise<LockManager> => openLocks(store.shared());

  describe('A web lock', () => {
    it('makes a promise of a result that is none', async () => {
      const returned = (await open()).request('a', () => 123);
      expect(Promise.resolve(returned)).toBe(returned);
      expect(await returned).toBe(123);
    });

    it.each(['resolves', 'rejects'])('is held until what the callback returned %s', async (how) => {
      const locks = await open();
      const order: string[] = [];
      const first = new Take(locks, 'a');
      await first.granted;
      const second = locks.request('a', () => order.push('second granted'));
      // By then the store has heard of the second.
      expect((await locks.query()).pending).toHaveLength(1);
      order.push('first ends');
      if (how === 'resolves') await first.end();
      else first.fail(new Error('expected'));
      await second;
      expect(order).toEqual(['first ends', 'second granted']);
    });

    it('is not for its own holder again', async () => {
      const locks = await open();
      const callback = vi.fn();
      await locks.request('a', () => locks.request('a', { ifAvailable: true }, callback));
      expect(callback.mock.calls).toEqual([[null]]);
    });

    it('is neither for its own client nor for another one', async () => {
      const options = store.shared();
      const [one, two] = await openClients(options, 2);
      await one?.locks.request('a', async () => {
        for (const client of [one, two]) {
          expect(await client?.locks.request('a', { ifAvailable: true }, (lock) => lock)).toBeNull();
        }
      });
    });

    it.each(['exclusive', 'shared'] as const)('has the name and the mode that were asked for (%s)', async (mode) => {
      const locks = await open();
      const { name, mode: given } = (await locks.request('resource', { mode }, (lock) => lock)) as WebLock;
      expect([name, given]).toEqual(['resource', mode]);
    });

    it('has nothing but these two, and both are read-only', async () => {
      const locks = await open();
      const lock = (await locks.request('resource', (granted) => granted)) as { name: string };
      expect(() => {
        lock.name = 'other';
      }).toThrow(TypeError);
      expect(lock.name).toBe('resource');
      expect(Object.keys(lock)).toEqual([]);
      expect(`${lock}`).toBe('[object Lock]');
      expect(`${locks}`).toBe('[object LockManager]');
      expect(Object.getOwnPropertyNames(Object.getPrototypeOf(lock)).sort()).toEqual(['constructor', 'mode', 'name']);
    });

    it('is the current lock of its callback, with a fencing token', async () => {
      const locks = await open();
      const [token, held] = await locks.request('a', () => [currentLock()?.fencingToken, currentLock()?.held]);
      const later = await locks.request('a', () => currentLock()?.fencingToken);
      expect(held).toBe(true);
      expect(later).toBeGreaterThan(token as number);
    });
  });

  describe('A request with ifAvailable', () => {
    const ifAvailable = true;
    const failure = new Error('the callback’s own');

    it('gets a free lock', async () => {
      expect(await (await open()).request('a', { ifAvailable }, (lock) => lock?.name)).toBe('a');
    });

    it('gets null when the lock is held, and resolves to what the callback makes of it', async () => {
      const locks = await open();
      const inner = await locks.request('a', () => locks.request('a', { ifAvailable }, async (lock) => [lock, 123]));
      expect(inner).toEqual([null, 123]);
    });

    it.each<[string, () => unknown]>([
      [
        'throws',
        () => {
          throw failure;
        },
      ],
      ['rejects', () => Promise.reject(failure)],
    ])('rejects to what the callback %s with when it got null', async (_, callback) => {
      const locks = await open();
      await locks.request('a', async () => {
        const refused = vi.fn(callback);
        const returned = locks.request('a', { ifAvailable }, refused);
        expect(Promise.resolve(returned)).toBe(returned);
        await expect(returned).rejects.toBe(failure);
        expect(refused.mock.calls).toEqual([[null]]);
      });
    });

    it('gets the lock of another name while this one is held', async () => {
      const locks = await open();
      const inner = locks.request('a', () => locks.request('different', { ifAvailable }, (lock) => lock?.name));
      expect(await inner).toBe('different');
    });

    it.each([
      ['shared', 'shared', true],
      ['shared', 'exclusive', false],
      ['exclusive', 'shared', false],
    ] as const)('while it is held as %s gets it as %s: %s', async (held, mode, granted) => {
      const locks = await open();
      const inner = locks.request('a', { mode: held }, () =>
        locks.request('a', { mode, ifAvailable }, (lock) => lock?.mode),
      );
      expect(await inner).toBe(granted ? mode : undefined);
    });

    it('does not pass those who wait, though the holders would admit it', async () => {
      const locks = await open();
      const held = new Take(locks, 'a', { mode: 'shared' });
      const waiting = new Take(locks, 'a');
      expect(await locks.request('a', { mode: 'shared', ifAvailable }, (lock) => lock)).toBeNull();
      expect([held.called, waiting.called]).toEqual([true, false]);
    });

    it('gets null from the holder in another process, too, and leaves nothing in the queue', async () => {
      const [here, there] = await openClients(store.shared(), 2);
      await new Take(there!.locks, 'a').granted;
      expect(await here?.locks.request('a', { ifAvailable }, (lock) => lock)).toBeNull();
      expect((await here?.locks.query())?.pending).toEqual([]);
    });

    it('gets the lock as soon as the request before has settled', async () => {
      const locks = await open();
      await locks.request('a', async () => {
        await locks.request('b', async () => {});
        expect(await locks.request('b', { ifAvailable }, (lock) => lock?.name)).toBe('b');
      });
    });
  });
});
