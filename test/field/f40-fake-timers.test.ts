import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLockService, type LockModuleOptions } from '../../lib/index.js';
import { until } from '../support/event.js';
import { runProgram } from '../support/program.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import { RedisSentinel } from '../support/redis-sentinel.js';
import { bothStores } from '../support/stores.js';

type Fakes = NonNullable<Parameters<typeof vi.useFakeTimers>[0]>;

const redis = useRedis();

/** What Vitest fakes when it is asked for no more, and all that it can fake in a process like this one. */
const fakes: [string, Fakes | undefined][] = [
  ['those of Vitest', undefined],
  [
    'all but `nextTick`',
    {
      toFake: [
        'setTimeout',
        'clearTimeout',
        'setInterval',
        'clearInterval',
        'setImmediate',
        'clearImmediate',
        'Date',
        'performance',
        'hrtime',
        'queueMicrotask',
      ],
    },
  ],
];

describe.each(bothStores(redis))('under fake timers, in $name', (store) => {
  afterEach(() => void vi.useRealTimers());

  describe.each(fakes)('%s', (_, config) => {
    it('a free lock is taken and released, and nothing is wedged when the timers are real again', async () => {
      const options = store.shared();
      const early = await createLockService(options);
      await early.run('warm', () => {});
      vi.useFakeTimers(config);
      const late = await createLockService(options);
      for (const locks of [early, late]) {
        await locks.run('a', () => {});
        await (await locks.acquire(['b', 'c'])).release();
        expect(await locks.once(unique('done'), { remember: '1m' }, () => 1)).toMatchObject({ status: 'ran' });
      }
      const lock = await early.acquire('d');
      expect(await late.tryAcquire('d')).toBeNull();
      const left = late.run('d', () => {});
      await until(async () => (await early.inspect('d')).waiting.length === 1);
      vi.useRealTimers();
      await lock.release();
      await left;
      for (const locks of [early, late]) {
        await locks.run('a', () => {});
        await locks.close();
      }
    });

    it('waits, leases and shutdowns take real time', async () => {
      await using locks = await createLockService({ ...store.shared(), shutdownGrace: 100 });
      vi.useFakeTimers(config);
      const [lock, short] = [await locks.acquire('a'), await locks.acquire('b', { ttl: 200, renew: false })];
      vi.advanceTimersByTime(3_600_000);
      expect(lock.held).toBe(true);
      await expect(locks.acquire('a', { wait: 100 })).rejects.toMatchObject({ code: 'LOCK_BUSY' });
      await until(() => short.signal.aborted);
      expect(lock.held).toBe(true);
      const endless = locks.run('c', { onLost: 'ignore' }, ({ signal }) => {
        return new Promise((resolve) => signal.addEventListener('abort', resolve));
      });
      const waiting = locks.acquire('c', { wait: '1h' });
      await until(async () => (await locks.inspect('c')).holders.length === 1);
      await Promise.all([locks.close(), expect(waiting).rejects.toMatchObject({ code: 'LOCK_CLOSED' }), endless]);
    });

    it('also when they were fakes already when the package was loaded', async () => {
      vi.resetModules();
      vi.useFakeTimers(config);
      const { createLockService: create } = await import('../../lib/index.js');
      const options = store.shared() as LockModuleOptions;
      const locks = await create(options);
      await locks.run('a', () => {});
      vi.useRealTimers();
      await locks.run('a', () => {});
      await locks.close();
    });
  });
});

describe('under fakes of everything, `nextTick` too, in a process of its own', () => {
  const places: Record<string, () => Promise<AsyncDisposable & { urls: string[]; sentinels?: string[] }>> = {
    memory: async () => ({ urls: [], [Symbol.asyncDispose]: async () => {} }),
    Redis: async () => ({ urls: [redis.url], [Symbol.asyncDispose]: async () => {} }),
    'a client': async () => ({ urls: [redis.url], [Symbol.asyncDispose]: async () => {} }),
    Sentinel: async () => {
      const group = await RedisSentinel.start();
      const sentinels = group.sentinels.map(({ url }) => url);
      return { urls: [group.primary.url], sentinels, [Symbol.asyncDispose]: () => group.stop() };
    },
    quorum: async () => {
      const quorum = await RedisQuorum.start(3);
      await quorum.up(2);
      return quorum;
    },
    'a Cluster': async () => {
      const cluster = await RedisCluster.start();
      return Object.assign(cluster, { urls: cluster.nodes.map(({ url }) => url) });
    },
  };

  it.each([
    { store: 'memory', faked: 'after', loses: 0 },
    { store: 'memory', faked: 'before', loses: 0 },
    { store: 'Redis', faked: 'after', loses: 0 },
    { store: 'Redis', faked: 'before', loses: 0 },
    { store: 'Redis', faked: 'after', loses: 1 },
    { store: 'Sentinel', faked: 'after', loses: 1 },
    { store: 'quorum', faked: 'after', loses: 1 },
    { store: 'a client', faked: 'after', loses: 0 },
    { store: 'a Cluster', faked: 'after', loses: 0 },
  ])('a free lock is taken, and nothing is wedged: %j', { timeout: 120_000 }, async ({ store, faked, loses }) => {
    await using place = await places[store]!();
    const args = {
      store,
      urls: place.urls.join(' '),
      sentinels: place.sentinels?.join(' ') ?? '',
      namespace: unique('ns'),
      faked,
      loses,
    };
    const { code, lines, errors } = await runProgram('f40-everything-faked', args, { of: 'field', patience: 90_000 });
    // What Sentinel has said is used in a tick that nothing of ours can reach.
    const mayFail = store === 'Sentinel' ? /^under fakes: (a new|another) service|connections were lost/ : /^$/;
    const failed = Object.entries(lines[0] ?? {}).filter(([what, outcome]) => outcome !== 'ok' && !mayFail.test(what));
    expect(failed).toEqual([]);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });
});
