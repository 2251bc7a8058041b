import { describe, expect, it, vi } from 'vitest';
import {
  createLockService,
  LockClosedError,
  LockKeyError,
  LockLostError,
  type LockModuleOptions,
  LockOptionsError,
  LockUnavailableError,
  MemoryLockStore,
} from '../../../lib/index.js';
import { JobLocks, type JobOptions } from '../../../lib/jobs.js';
import { deferred } from '../../support/event.js';
import { MarkingStore } from '../../support/marking-store.js';
import { unique, useRedis } from '../../support/redis.js';
import { bothStores, inTests } from '../../support/stores.js';

/** A job server. */
async function server({ jobs, ...options }: LockModuleOptions & { jobs?: JobOptions | undefined }) {
  const locks = await createLockService({ shutdownGrace: 0, ...options });
  return { locks, jobs: new JobLocks(locks, jobs), [Symbol.asyncDispose]: () => locks.close() };
}

describe.each(bothStores(useRedis()))('JobLocks on $name', (under) => {
  it('lets one server have an element, until that unlocks it', async () => {
    const options = under.shared();
    await using one = await server(options);
    await using two = await server(options);
    expect(await one.jobs.lock('invoice', 42)).toBe(true);
    expect(await two.jobs.lock('invoice', 42)).toBe(false);
    expect(await two.jobs.unlock('invoice', 42)).toBe(false);
    expect(await two.jobs.lock('invoice', 43)).toBe(true);
    expect(await two.jobs.lock('reminder', 42)).toBe(true);
    expect(await one.jobs.unlock('invoice', 42)).toBe(true);
    expect(await two.jobs.lock('invoice', 42)).toBe(true);
  });

  it('lets one caller of a server have an element', async () => {
    await using one = await server(under.shared());
    const attempts = [1, 2, 3].map(() => one.jobs.lock('invoice', 42));
    expect((await Promise.all(attempts)).sort()).toEqual([false, false, true]);
    expect(await one.jobs.lock('invoice', 42)).toBe(false);
    expect(await one.jobs.unlock('invoice', 42)).toBe(true);
    expect(await one.jobs.unlock('invoice', 42)).toBe(false);
    expect(await one.jobs.lock('invoice', 42)).toBe(true);
  });

  it('takes a second word that an element is processed for the first', async () => {
    await using one = await server(under.shared());
    await one.jobs.lock('invoice', 42);
    const words = [1, 2].map(() => one.jobs.successfullyProcessed('invoice', 42));
    expect(await Promise.all(words)).toEqual([undefined, undefined]);
  });

  it('gives nobody an element that is processed, until it is forgotten', async () => {
    const options = under.shared();
    await using one = await server(options);
    await using two = await server(options);
    await one.jobs.lock('invoice', 42);
    await one.jobs.successfullyProcessed('invoice', 42);
    expect(await one.jobs.unlock('invoice', 42)).toBe(false);
    for (const { jobs } of [one, two]) expect(await jobs.lock('invoice', 42)).toBe(false);
    expect((await two.locks.inspect('invoice:42')).holders).toEqual([]);

    expect(await two.jobs.forget('invoice', 42)).toBe(true);
    expect(await two.jobs.forget('invoice', 42)).toBe(false);
    expect(await one.jobs.lock('invoice', 42)).toBe(true);
  });

  it('marks nothing for a server that has lost the element, and tells it so', async () => {
    const options = under.shared();
    await using one = await server(options);
    await using two = await server(options);
    await one.jobs.lock('invoice', 42);
    await two.locks.forceRelease('invoice:42');
    const outcome = one.jobs.successfullyProcessed('invoice', 42);
    await expect(outcome).rejects.toThrow(LockLostError);
    await expect(outcome).rejects.toMatchObject({ lockName: 'invoice:42' });
    expect(await one.jobs.unlock('invoice', 42)).toBe(false);
    expect(await two.jobs.lock('invoice', 42)).toBe(true);
    // Nor may it give away what is somebody else's by now.
    expect(await one.jobs.unlock('invoice', 42)).toBe(false);
    await two.jobs.successfullyProcessed('invoice', 42);
  });

  it('says why an element was lost', async () => {
    await using one = await server(under.shared());
    await one.jobs.lock('invoice', 42);
    await one.locks.forceRelease('invoice:42');
    const { why } = await one.jobs.successfullyProcessed('invoice', 42).then(fail, (error: LockLostError) => error);
    expect(['forced', 'taken']).toContain(why);
  });

  it('refuses to mark what is not locked', async () => {
    await using one = await server(under.shared());
    await expect(one.jobs.successfullyProcessed('invoice', 42)).rejects.toThrow(LockLostError);
    await one.jobs.lock('invoice', 42);
    await one.jobs.unlock('invoice', 42);
    await expect(one.jobs.successfullyProcessed('invoice', 42)).rejects.toThrow(LockLostError);
    expect(await one.jobs.lock('invoice', 42)).toBe(true);
  });

  it('does not unlock an element that was lost', async () => {
    await using one = await server(under.shared());
    await one.jobs.lock('invoice', 42);
    await one.locks.forceRelease('invoice:42');
    expect(await one.jobs.unlock('invoice', 42)).toBe(false);
    expect(await one.jobs.lock('invoice', 42)).toBe(true);
  });

  it('withLock runs, or says that it is done or that another does it', async () => {
    const options = under.shared();
    await using one = await server(options);
    await using two = await server(options);
    const going = deferred();
    const end = deferred();
    const ran = one.jobs.withLock('invoice', 42, async ({ name, fencingToken }) => {
      going.resolve();
      await end.promise;
      return { name, isNumber: Number.isSafeInteger(fencingToken) };
    });
    await going.promise;
    expect(await two.jobs.withLock('invoice', 42, () => 'again')).toEqual({ status: 'busy' });
    expect(await two.jobs.lock('invoice', 42)).toBe(false);
    end.resolve();
    expect(await ran).toEqual({ status: 'ran', value: { name: 'invoice:42', isNumber: true } });
    expect(await two.jobs.withLock('invoice', 42, () => 'again')).toEqual({ status: 'done', at: expect.any(Date) });
    expect(await two.jobs.lock('invoice', 42)).toBe(false);
  });

  it('withLock leaves the element unmarked and free when its function throws, and throws the same', async () => {
    const options = under.shared();
    await using one = await server(options);
    await using two = await server(options);
    const error = new Error('The service refuses');
    const thrown = one.jobs.withLock('invoice', 42, () => Promise.reject(error)).catch((reason: unknown) => reason);
    expect(await thrown).toBe(error);
    expect(await two.jobs.withLock('invoice', 42, () => 1)).toEqual({ status: 'ran', value: 1 });
  });

  it('withLock rejects when the element was lost meanwhile, and marks nothing', async () => {
    const options = under.shared();
    await using one = await server(options);
    await using two = await server(options);
    const outcome = one.jobs.withLock('invoice', 42, () => two.locks.forceRelease('invoice:42'));
    await expect(outcome).rejects.toThrow(LockLostError);
    expect(await two.jobs.lock('invoice', 42)).toBe(true);
  });

  it('withLock and lock keep each other out, also on one server', async () => {
    await using one = await server(under.shared());
    await one.jobs.lock('invoice', 42);
    expect(await one.jobs.withLock('invoice', 42, () => 1)).toEqual({ status: 'busy' });
    await one.jobs.unlock('invoice', 42);
    const inside = await one.jobs.withLock('invoice', 42, () => one.jobs.lock('invoice', 42));
    expect(inside).toEqual({ status: 'ran', value: false });
  });

  it('locks one at a time whatever the defaults of the service say', async () => {
    await using one = await server({ ...under.shared(), defaults: { mode: 'shared', wait: '1h' } });
    expect(await one.jobs.lock('invoice', 42)).toBe(true);
    expect(await one.jobs.lock('invoice', 42)).toBe(false);
    expect(await one.jobs.withLock('invoice', 42, () => 1)).toEqual({ status: 'busy' });
    expect(await one.jobs.withLock('invoice', 43, ({ mode }) => mode)).toEqual({ status: 'ran', value: 'exclusive' });
  });

  it('takes no element for that of another job', async () => {
    await using one = await server(under.shared());
    expect(await one.jobs.lock('a:b', 'c')).toBe(true);
    expect(await one.jobs.lock('a', 'b:c')).toBe(true);
    expect(await one.jobs.lock('a%3Ab', 'c')).toBe(true);
    // But a number is the text of it.
    expect(await one.jobs.lock('a', 7)).toBe(true);
    expect(await one.jobs.lock('a', '7')).toBe(false);
    expect(await one.jobs.lock('a', 7n)).toBe(false);
  });

  it('gives back what it holds, unmarked, when the service shuts down, and refuses from then on', async () => {
    const options = under.shared();
    await using one = await server(options);
    await using two = await server(options);
    await one.jobs.lock('invoice', 42);
    await one.locks.close();
    expect(await two.jobs.lock('invoice', 42)).toBe(true);
    expect(await one.jobs.unlock('invoice', 42)).toBe(false);
    await expect(one.jobs.lock('invoice', 43)).rejects.toThrow(LockClosedError);
    await expect(one.jobs.withLock('invoice', 43, () => 1)).rejects.toThrow(LockClosedError);
    await expect(one.jobs.forget('invoice', 43)).rejects.toThrow(LockClosedError);
    await expect(one.jobs.successfullyProcessed('invoice', 42)).rejects.toThrow(LockLostError);
  });
});

describe('JobLocks', () => {
  const redis = useRedis();

  it('looks again under the lock whether the element is processed', async () => {
    const store = new MemoryLockStore();
    const seen = new MarkingStore(store);
    await using one = await server({ store });
    await using two = await server({ store: seen.store });
    await one.jobs.lock('invoice', 42);
    seen.after('doneAt', () => one.jobs.successfullyProcessed('invoice', 42));
    expect(await two.jobs.lock('invoice', 42)).toBe(false);
    expect(seen.calls).toEqual(['doneAt', 'acquire', 'doneAt', 'release']);
    expect((await one.locks.inspect('invoice:42')).holders).toEqual([]);
  });

  it('gives the element back when that look fails', async () => {
    const store = new MemoryLockStore();
    const seen = new MarkingStore(store);
    await using two = await server({ store: seen.store, ...inTests });
    const down = () => Promise.reject(new Error('The store is down'));
    seen.after('acquire', async () => seen.after('doneAt', down));
    await expect(two.jobs.lock('invoice', 42)).rejects.toThrow(LockUnavailableError);
    expect(await two.jobs.lock('invoice', 42)).toBe(true);
  });

  it('marks and gives back in one step', async () => {
    const seen = new MarkingStore();
    await using one = await server({ store: seen.store });
    await one.jobs.lock('invoice', 42);
    seen.calls.length = 0;
    await one.jobs.successfullyProcessed('invoice', 42);
    expect(await one.jobs.unlock('invoice', 42)).toBe(false);
    expect(seen.calls).toEqual(['complete']);
  });

  it.each([
    ['7 days unless told', undefined, 7 * 86_400_000],
    ['as long as the options say', { remember: '2h' as const }, 2 * 3_600_000],
  ])('remembers %s', async (_, jobs, ms) => {
    let now = 1_000;
    const store = new MemoryLockStore({ clock: { now: () => now } });
    await using one = await server({ store, jobs });
    for (const element of [1, 2]) await one.jobs.lock('invoice', element);
    await one.jobs.successfullyProcessed('invoice', 1);
    await one.jobs.unlock('invoice', 2);
    await one.jobs.withLock('invoice', 2, () => 1);
    now += ms - 1;
    for (const element of [1, 2]) expect(await one.jobs.lock('invoice', element)).toBe(false);
    now += 1;
    for (const element of [1, 2]) expect(await one.jobs.lock('invoice', element)).toBe(true);
  });

  it('keeps the mark in Redis for that time', async () => {
    const namespace = unique('ns');
    await using one = await server({ redis: redis.url, namespace, jobs: { remember: '2h' } });
    await one.jobs.lock('invoice', 42);
    await one.jobs.successfullyProcessed('invoice', 42);
    const left = await redis.client.pttl(`${namespace}:{invoice:42}:done`);
    expect(left).toBeGreaterThan(3_600_000);
    expect(left).toBeLessThanOrEqual(7_200_000);
  });

  it('holds an element as the options say', async () => {
    const lock = { ttl: '2h', maxHold: '90m' } as const;
    await using one = await server({ store: 'memory', jobs: { lock } });
    await one.jobs.lock('invoice', 42);
    const remaining = async () => (await one.locks.inspect('invoice:42')).holders[0]?.remaining;
    expect(await remaining()).toBeGreaterThan(3_600_000);
    expect(await remaining()).toBeLessThanOrEqual(90 * 60_000);
    await one.jobs.withLock('invoice', 43, async (held) => expect(held.remaining()).toBeGreaterThan(3_600_000));
    await using replicated = await server({
      redis: redis.url,
      namespace: unique('ns'),
      ...inTests,
      jobs: { lock: { replicas: 1 } },
    });
    // The server has no replica.
    await expect(replicated.jobs.lock('invoice', 42)).rejects.toThrow(LockUnavailableError);
  });

  it.each([
    ['an empty text', ''],
    ['NaN', Number.NaN],
    ['undefined', undefined],
    ['null', null],
    ['a plain object', {}],
    ['a text that is too long', 'x'.repeat(513)],
  ])('refuses %s as an element and as a job', async (_, nothing) => {
    await using one = await server({ store: 'memory' });
    for (const [job, element] of [
      ['invoice', nothing as string],
      [nothing as string, 42],
    ] as const) {
      await expect(one.jobs.lock(job, element)).rejects.toThrow(LockKeyError);
      await expect(one.jobs.unlock(job, element)).rejects.toThrow(LockKeyError);
      await expect(one.jobs.successfullyProcessed(job, element)).rejects.toThrow(LockKeyError);
      await expect(one.jobs.withLock(job, element, () => 1)).rejects.toThrow(LockKeyError);
      await expect(one.jobs.forget(job, element)).rejects.toThrow(LockKeyError);
    }
  });

  it('refuses a store that keeps no marks, before anything is locked', async () => {
    const store = Object.assign(new MemoryLockStore(), { doneAt: undefined });
    const acquire = vi.spyOn(store, 'acquire');
    await using one = await server({ store: store as never });
    await expect(one.jobs.lock('invoice', 42)).rejects.toThrow(LockOptionsError);
    await expect(one.jobs.withLock('invoice', 42, () => 1)).rejects.toThrow(LockOptionsError);
    expect(acquire).not.toHaveBeenCalled();
  });

  it('says that the store does not answer', async () => {
    await using one = await server({ redis: { port: 1 }, ...inTests, commandTimeout: '200ms' });
    await expect(one.jobs.lock('invoice', 42)).rejects.toThrow(LockUnavailableError);
    await expect(one.jobs.withLock('invoice', 42, () => 1)).rejects.toThrow(LockUnavailableError);
    await expect(one.jobs.forget('invoice', 42)).rejects.toThrow(LockUnavailableError);
  });
});

function fail(): never {
  throw new Error('It did not reject');
}

describe('An element that is lost', () => {
  it('while the mark is looked for is not given to the caller', async () => {
    const memory = new MemoryLockStore();
    const marking = new MarkingStore(memory);
    await using one = await server({ store: marking.store, ...inTests });
    marking.after('acquire', async () => {
      marking.after('doneAt', async () => {
        const { lastToken } = await memory.inspect('invoice:42');
        await memory.force('invoice:42', lastToken);
        await new Promise(setImmediate);
      });
    });
    expect(await one.jobs.lock('invoice', 42)).toBe(false);
  });

  it('is no success of withLock, whatever the defaults say of lost locks', async () => {
    await using one = await server({
      store: 'memory',
      defaults: { onLost: 'ignore' },
      ...inTests,
    });
    const lost = one.jobs.withLock('invoice', 42, (lock) => lock.release());
    await expect(lost).rejects.toMatchObject({ code: 'LOCK_LOST' });
    expect((await one.jobs.withLock('invoice', 42, () => {})).status).toBe('ran');
  });
});
