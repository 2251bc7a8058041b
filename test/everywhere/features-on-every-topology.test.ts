import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  createLockService,
  type LockModuleOptions,
  type LockService,
  type LockStoreOptions,
  MemoryLockStore,
  type RedisSource,
} from '../../lib/index.js';
import { JobLocks, JobSemaphore } from '../../lib/jobs.js';
import { createLockManager } from '../../lib/web-locks.js';
import { deferred, until } from '../support/event.js';
import { unique } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import { RedisSentinel } from '../support/redis-sentinel.js';
import { RedisServer } from '../support/redis-server.js';
import { quiet } from '../support/stores.js';

interface Topology {
  readonly options: LockStoreOptions;
  stop(): Promise<unknown>;
}

const LONGEST_TTL = 500;

const TOPOLOGIES: Record<string, () => Promise<Topology>> = {
  memory: async () => ({ options: { store: new MemoryLockStore() }, stop: async () => {} }),
  'one server': async () => {
    const server = await RedisServer.start();
    return { options: { redis: server.url }, stop: () => server.stop() };
  },
  Sentinel: async () => {
    const group = await RedisSentinel.start();
    return { options: { redis: { sentinels: group.addresses, name: group.name } }, stop: () => group.stop() };
  },
  Cluster: async () => {
    const cluster = await RedisCluster.start();
    return { options: { redis: cluster.client() as unknown as RedisSource }, stop: () => cluster.stop() };
  },
  'a quorum': async () => {
    const quorum = await RedisQuorum.start(3);
    await quorum.up(1);
    return { options: { quorum: quorum.urls }, stop: () => quorum.stop() };
  },
};

describe.each(Object.entries(TOPOLOGIES))('What stands on the lock, on %s', (name, start) => {
  let topology: Topology;
  beforeAll(async () => {
    topology = await start();
    return () => topology.stop();
  });

  async function services(more: Partial<LockModuleOptions> = {}): Promise<[LockService, LockService]> {
    const bounded = name === 'a quorum' ? { longestTtl: LONGEST_TTL, defaults: { ttl: LONGEST_TTL } } : {};
    const options = {
      ...topology.options,
      ...bounded,
      namespace: unique('ns'),
      logger: quiet,
      ...more,
    } as LockModuleOptions;
    const both = [await createLockService(options), await createLockService(options)] as [LockService, LockService];
    onTestFinished(async () => void (await Promise.all(both.map((service) => service.close()))));
    return both;
  }

  it('work is done once, until it is forgotten', async () => {
    const [here, there] = await services();
    const remember = '1h';
    expect(await here.once('invoice', { remember }, () => 1)).toEqual({ status: 'ran', value: 1 });
    expect((await there.once('invoice', { remember }, () => 2)).status).toBe('done');
    expect(await there.forget('invoice')).toBe(true);
    expect(await there.once('invoice', { remember }, () => 2)).toEqual({ status: 'ran', value: 2 });
  });

  it('job servers share elements and places', async () => {
    const [here, there] = await services();
    const [one, two] = [new JobLocks(here), new JobLocks(there)];
    expect([await one.lock('invoice', 42), await two.lock('invoice', 42)]).toEqual([true, false]);
    await one.successfullyProcessed('invoice', 42);
    expect([await one.unlock('invoice', 42), await two.lock('invoice', 42)]).toEqual([false, false]);
    expect((await two.withLock('invoice', 42, () => {})).status).toBe('done');
    const [first, second] = [
      new JobSemaphore(here, { limits: { heavy: { servers: 1 } } }),
      new JobSemaphore(there, { limits: { heavy: { servers: 1 } } }),
    ];
    expect([await first.tryAcquire('heavy'), await second.tryAcquire('heavy')]).toEqual([true, false]);
    expect(await first.release('heavy')).toBe(true);
    expect(await second.run('heavy', () => 'rendered')).toBe('rendered');
  });

  it('one leads, and the other when it resigns', async () => {
    const [here, there] = await services();
    const [first, second] = [deferred<number>(), deferred<number>()];
    const election = here.elect('feed', { onElected: (lock) => first.resolve(lock.fencingToken) });
    const term = await first.promise;
    const successor = there.elect('feed', { onElected: (lock) => second.resolve(lock.fencingToken) });
    expect([election.isLeader, successor.isLeader]).toEqual([true, false]);
    await election.resign();
    expect(await second.promise).toBeGreaterThan(term);
  });

  it('locks are listed, with what those who wait hold meanwhile', async () => {
    const [here, there] = await services();
    const lock = await here.acquire('list:b');
    const waiting = there.run('list:a', () => there.run('list:b', { wait: '1m' }, () => 'done'));
    await until(async () => {
      const { locks } = await here.list('list:');
      const [a, b] = locks;
      return a?.name === 'list:a' && a.holders[0]?.answers && b?.waiting[0]?.holds.join() === 'list:a';
    });
    expect((await there.list('list:b')).locks.map(({ holders }) => holders[0]?.answers)).toEqual([true]);
    expect((await here.health()).status).toBe('up');
    await lock.release();
    expect(await waiting).toBe('done');
  });

  it('a circle of waits is told to the caller that gives up first', async () => {
    const [here, there] = await services();
    const [a, b] = [unique('a'), unique('b')];
    const [hasA, hasB] = [deferred(), deferred()];
    const patient = there.run(b, async () => {
      hasB.resolve();
      await hasA.promise;
      return there.run(a, { wait: '1m' }, () => 'done');
    });
    const hasty = here.run(a, async () => {
      hasA.resolve();
      await hasB.promise;
      return here.run(b, { wait: '3s' }, () => 'never');
    });
    await expect(hasty).rejects.toMatchObject({ code: 'LOCK_BUSY', deadlock: [b, a] });
    expect(await patient).toBe('done');
  });

  it('what an operator asks about is noted for all processes', async () => {
    const [, there] = await services({ journal: {} });
    await there.acquire('noted');
    await there.tryAcquire('noted');
    await until(async () => (await there.journal({ name: 'noted' })).length === 1);
    expect((await there.journal()).at(-1)).toMatchObject({ what: 'busy', name: 'noted' });
  });

  it('a holder hears that its lock is asked for', async () => {
    const [here, there] = await services();
    const lock = await here.acquire('door');
    const listener = vi.fn();
    lock.onReleaseRequested(listener);
    await until(async () => {
      expect(await there.requestRelease('door')).toBe(true);
      return listener.mock.calls.length > 0;
    });
    expect(await lock.release()).toBe(true);
  });

  it('web locks are requested, listed and stolen, or it is said that they cannot be', async () => {
    const [here, there] = await services();
    const [mine, theirs] = [createLockManager(here), createLockManager(there)];
    const held = deferred();
    const done = deferred();
    const holding = mine.request('orders', () => {
      held.resolve();
      return done.promise;
    });
    const outcome = holding.then(
      () => 'kept',
      (error: Error) => error.name,
    );
    await held.promise;
    expect(await theirs.request('orders', { ifAvailable: true }, (lock) => lock)).toBe(null);
    expect((await theirs.query()).held).toMatchObject([{ name: 'orders', mode: 'exclusive' }]);
    const stolen = theirs.request('orders', { steal: true }, () => 'stolen');
    if (name === 'a quorum') {
      await expect(stolen).rejects.toMatchObject({
        name: 'NotSupportedError',
        message: expect.stringMatching(/steal/),
      });
      done.resolve();
      expect(await outcome).toBe('kept');
    } else {
      expect(await stolen).toBe('stolen');
      expect(await outcome).toBe('AbortError');
      done.resolve();
    }
  });
});
