import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RELEASE_PATIENCE_MS } from '../../lib/core/lock.js';
import type { LockedBody } from '../../lib/core/locker.js';
import type { LockOptions, LockServiceOptions } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { deferred } from '../support/event.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('A body that runs under a lock', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => use());

  function use(options: LockServiceOptions = {}): void {
    store = new ScriptedStore();
    locks = new CoreLocks(store, options);
  }

  /** Runs it with the lock granted; the release is up to the test. */
  async function running<T>(body: LockedBody<T>, options: LockOptions = {}) {
    const run = watch(locks.run('door', options, body));
    await settle();
    store.next('acquire').answer(granted({ token: 9 }));
    await settle();
    return run;
  }

  it('gets the lock, and its value is the result', async () => {
    const run = await running((lock) => `token ${lock.fencingToken}, ${lock.held}`);
    store.next('release').answer(true);
    await settle();
    expect(run).toEqual({ settled: true, value: 'token 9, true' });
    await pass(RELEASE_PATIENCE_MS);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each<[string, LockedBody<string>]>([
    ['a value', () => 'done'],
    ['a promise', async () => 'done'],
    // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is.
    ['a thenable', () => ({ then: (resolve: (value: string) => void) => resolve('done') }) as PromiseLike<string>],
  ])('may return %s', async (_, body) => {
    const run = await running(body);
    store.next('release').answer(true);
    await settle();
    expect(run.value).toBe('done');
  });

  it('does not run when the lock is busy or the store is away', async () => {
    const body = vi.fn();
    const runs = [watch(locks.run('a', { wait: 0 }, body)), watch(locks.run('b', {}, body))];
    await settle();
    store.next('acquire').answer(busy());
    store.next('acquire').fail();
    await settle();
    expect(runs.map(({ error }) => (error as { code: string }).code)).toEqual(['LOCK_BUSY', 'LOCK_UNAVAILABLE']);
    expect(body).not.toHaveBeenCalled();
  });

  describe('that fails', () => {
    const thrown = Object.freeze(new Error('the body’s own'));

    it.each<[string, LockedBody<never>]>([
      [
        'at once',
        () => {
          throw thrown;
        },
      ],
      [
        'later',
        async () => {
          throw thrown;
        },
      ],
    ])('%s gives its error to the caller as it is, after the release', async (_, body) => {
      const run = await running(body);
      expect(run.settled).toBe(false);
      store.next('release').answer(true);
      await settle();
      expect(run.error).toBe(thrown);
    });

    it.each([undefined, null, 0, 'text'])('with %j gives just that', async (value) => {
      const run = await running(() => Promise.reject(value));
      store.next('release').answer(true);
      await settle();
      expect(run).toStrictEqual({ settled: true, error: value });
    });

    it('gives its own error also when the release fails', async () => {
      const run = await running(() => Promise.reject(thrown));
      store.next('release').fail();
      await settle();
      expect(run.error).toBe(thrown);
    });

    it('gives its own error also when the lock was lost', async () => {
      const run = await running(async () => {
        store.revoke(store.all('acquire')[0]!.asked.owner);
        throw thrown;
      });
      expect(run.error).toBe(thrown);
    });

    it('gives its own error also when the logger that hears of the failed release throws', async () => {
      const logger = {
        warn: () => {
          throw new Error('the logger’s');
        },
        error: () => {},
      };
      use({ logger });
      const run = await running(() => Promise.reject(thrown));
      store.next('release').fail();
      await settle();
      expect(run.error).toBe(thrown);
    });
  });

  describe('whose release fails', () => {
    it.each([new Error('no answer'), 'no answer', null])(
      'has its value all the same, and a warning tells (%s)',
      async (error) => {
        const warnings: string[] = [];
        use({ logger: { warn: (message) => warnings.push(message), error: () => {} } });
        const run = await running(() => 'done');
        store.next('release').fail(error);
        await settle();
        expect(run).toEqual({ settled: true, value: 'done' });
        expect(warnings).toHaveLength(1);
        expect(warnings[0]).toContain('"door"');
      },
    );

    it.each(['done', 'failed'])('does not wait long for a store that hangs (%s)', async (outcome) => {
      const run = await running(() => (outcome === 'done' ? outcome : Promise.reject(outcome)));
      await pass(249);
      expect(run.settled).toBe(false);
      await pass(1);
      expect(run).toStrictEqual(
        outcome === 'done' ? { settled: true, value: 'done' } : { settled: true, error: 'failed' },
      );
      store.next('release').fail();
      await pass(100);
      store.next('release').answer(true);
      await settle();
      expect(store.all('release')).toHaveLength(2);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('has its value also when the logger throws', async () => {
      const logger = {
        warn: () => {
          throw new Error('the logger’s');
        },
        error: () => {},
      };
      use({ logger });
      const run = await running(() => 'done');
      store.next('release').fail();
      await settle();
      expect(run).toEqual({ settled: true, value: 'done' });
    });
  });

  describe('that ended well although the lock was lost', () => {
    it('gives LockLostError with its value as the result', async () => {
      const run = await running(async () => {
        store.revoke(store.all('acquire')[0]!.asked.owner);
        return { paid: true };
      });
      expect(run.error).toMatchObject({ code: 'LOCK_LOST', lockName: 'door', why: 'forced', result: { paid: true } });
      expect(store.all('release')).toEqual([]);
    });

    it('does so when only the release finds out', async () => {
      const run = await running(() => 'done');
      store.next('release').answer(false);
      await settle();
      expect(run.error).toMatchObject({ code: 'LOCK_LOST', why: 'taken', result: 'done' });
    });

    it.each(['late', 'only at the second attempt'])(
      'is told in the log when the release finds out %s',
      async (when) => {
        const warn = vi.fn();
        use({ logger: { warn, error: () => {} } });
        const run = await running(() => 'done');
        if (when === 'late') await pass(250);
        else store.next('release').fail();
        await pass(100);
        expect(run.value).toBe('done');
        warn.mockClear();
        store.next('release').answer(false);
        await settle();
        expect(warn.mock.calls).toEqual([
          [expect.stringMatching(/^The lock "door" had been lost before its body ended/)],
        ]);
      },
    );

    it('does so when the lease ended unnoticed, since no timer fired in between', async () => {
      store.automatic.release = () => true;
      const run = await running(() => {
        locks.clock.stall(30_000);
        return 'done';
      });
      expect(run.error).toMatchObject({ code: 'LOCK_LOST', why: 'expired', result: 'done' });
    });

    it('gives its value with `onLost: ignore`', async () => {
      const run = await running(
        async () => {
          store.revoke(store.all('acquire')[0]!.asked.owner);
          return 'done';
        },
        { onLost: 'ignore' },
      );
      expect(run).toEqual({ settled: true, value: 'done' });
    });
  });

  it('that gave the lock back itself has its value', async () => {
    store.automatic.release = () => true;
    const run = await running(async (lock) => {
      await lock.release();
      return 'done';
    });
    expect(run.value).toBe('done');
    expect(store.all('release')).toHaveLength(1);
  });

  it('hears of the loss by the signal, in time to stop', async () => {
    const stopped = deferred<unknown>();
    const run = await running(
      (lock) => {
        lock.signal.addEventListener('abort', () => stopped.resolve(lock.signal.reason));
        return stopped.promise;
      },
      { renew: false, ttl: '5s', onLost: 'ignore' },
    );
    await pass(4_999);
    expect(run.settled).toBe(false);
    await pass(1);
    await expect(stopped.promise).resolves.toMatchObject({ code: 'LOCK_LOST', lockName: 'door', why: 'expired' });
  });

  it('that hangs loses the lock after `maxHold`, though the store answers', async () => {
    store.automatic.renew = () => true;
    const lost = vi.fn();
    await running(
      (lock) => {
        lock.signal.addEventListener('abort', lost);
        return new Promise(() => {});
      },
      { ttl: '3s', maxHold: '10s' },
    );
    await pass(9_999);
    expect(lost).not.toHaveBeenCalled();
    await pass(1);
    expect(lost).toHaveBeenCalledTimes(1);
    expect(store.all('release')).toHaveLength(1);
  });
});
