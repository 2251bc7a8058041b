// The cases of `acquire` of the web platform tests, in our own words, and what Web IDL says of the arguments.
import { describe, expect, it, vi } from 'vitest';
import { LockBusyError, LockLostError, LockOptionsError } from '../../../lib/index.js';
import type { LockManager } from '../../../lib/web-locks.js';
import { deferred } from '../../support/event.js';
import { useRedis } from '../../support/redis.js';
import { bothStores } from '../../support/stores.js';
import { anyRequest, expectException, openLocks } from '../../support/web-clients.js';

const redis = useRedis();

describe.each(bothStores(redis))('request() of a lock manager on $name', (store) => {
  const open = (): Promise<LockManager> => openLocks(store.shared());

  it('needs a name and a callback', async () => {
    const request = anyRequest(await open());
    await expect(request()).rejects.toThrow(TypeError);
    await expect(request('a')).rejects.toThrow(TypeError);
    await expect(request('a')).rejects.toThrow(/request\(name, callback\)/);
  });

  it('knows the modes "exclusive" and "shared" only', async () => {
    const locks = await open();
    const callback = vi.fn();
    for (const mode of ['foo', '', null, 0, {}, 'Shared', Symbol('shared')]) {
      await expect(anyRequest(locks)('a', { mode }, callback)).rejects.toThrow(TypeError);
    }
    expect(callback).not.toHaveBeenCalled();
    expect(await locks.request('a', { mode: 'exclusive' }, (lock) => lock?.mode)).toBe('exclusive');
    expect(await locks.request('a', { mode: 'shared' }, (lock) => lock?.mode)).toBe('shared');
    expect(await locks.request('a', { mode: undefined }, (lock) => lock?.mode)).toBe('exclusive');
    expect(
      await anyRequest(locks)('a', { mode: { toString: () => 'shared' } }, ({ mode }: { mode: string }) => mode),
    ).toBe('shared');
  });

  it.each([
    ['steal and ifAvailable', () => ({ steal: true, ifAvailable: true })],
    ['steal and the mode "shared"', () => ({ steal: true, mode: 'shared' as const })],
    ['signal and steal', () => ({ signal: new AbortController().signal, steal: true })],
    ['signal and ifAvailable', () => ({ signal: new AbortController().signal, ifAvailable: true })],
    ['an aborted signal and ifAvailable', () => ({ signal: AbortSignal.abort('late'), ifAvailable: true })],
  ])('does not support %s together', async (_, options) => {
    const callback = vi.fn();
    await expectException((await open()).request('a', options(), callback), 'NotSupportedError');
    expect(callback).not.toHaveBeenCalled();
  });

  it('takes options that are false as not given', async () => {
    const locks = await open();
    const { signal } = new AbortController();
    const options = { steal: false, ifAvailable: false, signal, mode: 'shared' as const };
    expect(await locks.request('a', options, (lock) => lock?.mode)).toBe('shared');
    expect(await locks.request('a', { steal: undefined, signal: undefined }, (lock) => lock?.mode)).toBe('exclusive');
    expect(await anyRequest(locks)('a', { steal: 0, ifAvailable: '', signal }, () => 1)).toBe(1);
  });

  it.each([undefined, null, 123, 'abc', [], {}, Promise.resolve()])(
    'does not take %j as the callback',
    async (wrong) => {
      const request = anyRequest(await open());
      await expect(request('a', wrong)).rejects.toThrow(TypeError);
      await expect(request('a', {}, wrong)).rejects.toThrow(TypeError);
      // Three arguments are always name, options, callback: a function may be the options.
      await expect(request('a', () => {}, wrong)).rejects.toThrow(TypeError);
    },
  );

  it.each([123, 'abc', true, Symbol('options'), 1n])('does not take %s as the options', async (wrong) => {
    const callback = vi.fn();
    await expect(anyRequest(await open())('a', wrong, callback)).rejects.toThrow(TypeError);
    expect(callback).not.toHaveBeenCalled();
  });

  it.each([undefined, null, {}, [], () => {}, new Date()])(
    'takes %s as options that are all left out',
    async (options) => {
      const mode = ({ mode }: { mode: string }): string => mode;
      expect(await anyRequest(await open())('a', options, mode)).toBe('exclusive');
    },
  );

  it('makes a text of the name', async () => {
    const request = anyRequest(await open());
    const name = (lock: { name: string }): string => lock.name;
    const values = [undefined, null, 12.5, { toString: () => 'made' }, ['a', 'b']];
    const names: unknown[] = [];
    for (const value of values) names.push(await request(value, name));
    expect(names).toEqual(['undefined', 'null', '12.5', 'made', 'a,b']);
    await expect(request(Symbol('a'), name)).rejects.toThrow(TypeError);
  });

  it('converts from left to right, each member of the options once and by its name', async () => {
    const read: string[] = [];
    const options = {};
    for (const key of ['steal', 'signal', 'mode', 'ifAvailable']) {
      Object.defineProperty(options, key, { get: () => void read.push(key) });
    }
    const name = { toString: () => String(read.push('name')) };
    await expect(anyRequest(await open())(name, options, 'no function')).rejects.toThrow(/callback/);
    expect(read).toEqual(['name', 'ifAvailable', 'mode', 'signal', 'steal']);
  });

  it('rejects with what a conversion throws', async () => {
    const thrown = new Error('the caller’s own');
    const fail = (): never => {
      throw thrown;
    };
    const request = anyRequest(await open());
    await expect(request({ toString: fail }, () => {})).rejects.toBe(thrown);
    await expect(request('a', { mode: { toString: fail } }, () => {})).rejects.toBe(thrown);
    await expect(request('a', Object.defineProperty({}, 'steal', { get: fail }), () => {})).rejects.toBe(thrown);
  });

  it('finds wrong arguments before those that are not supported', async () => {
    const request = anyRequest(await open());
    await expect(request('-', 'no function')).rejects.toThrow(TypeError);
    await expect(request('-', { mode: 'foo' }, () => {})).rejects.toThrow(TypeError);
    await expect(request('a', { steal: true, ifAvailable: true }, null)).rejects.toThrow(TypeError);
  });

  it('resolves after the lock was released', async () => {
    const locks = await open();
    const end = deferred();
    const granted = deferred();
    const order: string[] = [];
    const returned = locks.request('a', () => {
      granted.resolve();
      return end.promise;
    });
    const both = [returned.then(() => order.push('returned')), end.promise.then(() => order.push('ended'))];
    await granted.promise;
    end.resolve();
    await Promise.all(both);
    expect(order).toEqual(['ended', 'returned']);
    expect((await locks.query()).held).toEqual([]);
  });

  it.each([{}, { ifAvailable: true }, { steal: true }, { mode: 'shared' as const }])(
    'never calls the callback before it returns (%j)',
    async (options) => {
      const locks = await open();
      let called = false;
      const returned = locks.request('a', options, () => {
        called = true;
      });
      expect(called).toBe(false);
      await returned;
      expect(called).toBe(true);
    },
  );

  describe('rejects with just what the callback', () => {
    const thrown = { name: 'test' };

    it('throws', async () => {
      const callback = (): never => {
        throw thrown;
      };
      const returned = (await open()).request('a', callback);
      expect(Promise.resolve(returned)).toBe(returned);
      await expect(returned).rejects.toBe(thrown);
    });

    it('rejects with', async () => {
      const returned = (await open()).request('a', async () => {
        throw thrown;
      });
      expect(Promise.resolve(returned)).toBe(returned);
      await expect(returned).rejects.toBe(thrown);
    });

    it('throws, also when that is a thenable, which is left alone', async () => {
      // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is.
      const thenable = { then: vi.fn() };
      const returned = (await open()).request('a', async () => {
        throw thenable;
      });
      const reason = await returned.then(
        () => undefined,
        (error: unknown) => [error],
      );
      expect(reason?.[0]).toBe(thenable);
      expect(thenable.then).not.toHaveBeenCalled();
    });

    it('throws, also when it looks like an error of the lock', async () => {
      const locks = await open();
      const errors = [
        new LockBusyError('b', 0, [], 0),
        new LockLostError('b', 'forced'),
        new LockOptionsError('wrong'),
      ];
      for (const error of errors) {
        for (const options of [{}, { ifAvailable: true }, { steal: true }]) {
          await expect(locks.request('a', options, () => Promise.reject(error))).rejects.toBe(error);
        }
      }
    });

    it('and is free again', async () => {
      const locks = await open();
      await expect(locks.request('a', () => Promise.reject(thrown))).rejects.toBe(thrown);
      expect(await locks.request('a', { ifAvailable: true }, (lock) => lock?.name)).toBe('a');
    });
  });

  it('is a method of its manager alone', async () => {
    const { request, query } = await open();
    await expect(request.call(undefined as unknown as LockManager, 'a', {}, () => {})).rejects.toThrow(TypeError);
    await expect(query.call(undefined as unknown as LockManager)).rejects.toThrow(TypeError);
  });
});
