import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type LockService, type RedisSource } from '../../lib/index.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { QuorumLockStore } from '../../lib/stores/redis/quorum/quorum-lock-store.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { CoreLocks } from '../support/core-locks.js';
import { until } from '../support/event.js';
import { callScript, operations, ScriptedLock } from '../support/lock-script.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { ScriptedStore } from '../support/scripted-store.js';
import { inTests, quiet } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const PATIENT = { ttl: '1h', wait: '20s' } as const;

/** The ways of one service to its servers, all of them together. */
class Network {
  constructor(readonly proxies: readonly TcpProxy[]) {}

  holdReplies(): void {
    for (const proxy of this.proxies) proxy.holdReplies();
  }

  async seen(command: string): Promise<void> {
    await Promise.race(this.proxies.map((proxy) => proxy.seen(command)));
  }

  async heldReply(): Promise<void> {
    await Promise.race(this.proxies.map((proxy) => proxy.heldReply()));
  }

  /** What was held back is lost with the connections. */
  reset(): void {
    for (const proxy of this.proxies) proxy.resetAll();
    for (const proxy of this.proxies) proxy.release();
  }

  /** The next such request is carried out, its answer is lost, and there is no connection until `accept`. */
  async cutAt(command: string): Promise<void> {
    for (const proxy of this.proxies) proxy.refuseConnections();
    await Promise.race(this.proxies.map((proxy) => proxy.resetAfterNextRequest(command)));
  }

  async accept(): Promise<void> {
    for (const proxy of this.proxies) await proxy.acceptConnections();
  }
}

interface Scene {
  network: Network;
  service: LockService;
  other: LockService;
  namespace: string;
}

describe('F7: a release whose answer is lost', () => {
  const redis = useRedis();
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster?.stop());

  async function open(network: Network, cut: RedisSource, direct: RedisSource): Promise<Scene & AsyncDisposable> {
    const namespace = unique('ns');
    const service = await createLockService({ redis: cut, namespace, ...inTests });
    const other = await createLockService({ redis: direct, namespace, ...inTests });
    for (const each of [service, other]) await each.run(unique('warm'), () => {});
    const close = async (): Promise<void> => {
      await network.accept();
      network.reset();
      await Promise.all([service.close(), other.close()]);
      for (const proxy of network.proxies) proxy.stop();
    };
    return { network, service, other, namespace, [Symbol.asyncDispose]: close };
  }

  const onOneServer = async () => {
    const proxy = await TcpProxy.start(redis.server);
    return open(new Network([proxy]), proxy.url, redis.url);
  };
  const onCluster = async () => {
    const proxies = await Promise.all(cluster.nodes.map((node) => TcpProxy.start(node)));
    const natMap = Object.fromEntries(
      cluster.nodes.map(({ port }, index) => [
        `127.0.0.1:${port}`,
        { host: '127.0.0.1', port: (proxies[index] as TcpProxy).port },
      ]),
    );
    const client = new Cluster(
      proxies.map(({ port }) => ({ host: '127.0.0.1', port })),
      { natMap, clusterRetryStrategy: () => 50, slotsRefreshTimeout: 5_000 },
    );
    client.on('error', () => {});
    const scene = await open(new Network(proxies), client, cluster.client());
    const close = async (): Promise<void> => {
      await scene[Symbol.asyncDispose]();
      client.disconnect();
    };
    return { ...scene, [Symbol.asyncDispose]: close };
  };

  const MODES = { exclusive: {}, shared: { mode: 'shared' }, 'a permit': { mode: 'shared', permits: 1 } } as const;
  const modes = Object.entries(MODES);

  describe.each([
    ['one server', onOneServer],
    ['a Cluster', onCluster],
  ])('on %s', (_, scene) => {
    const meanwhile: [string, (scene: Scene) => Promise<unknown>][] = [
      ['ended by force', ({ other }) => other.forceRelease('job')],
      [
        'ended by force, and granted to another',
        async ({ other }) => {
          await other.forceRelease('job');
          return other.acquire('job', PATIENT);
        },
      ],
    ];
    it.each(modes.flatMap(([mode, options]) => meanwhile.map((each) => [mode, ...each, options] as const)))(
      'of a lock (%s) that was %s before: false',
      async (_mode, _what, happen, options) => {
        await using at = await scene();
        const lock = await at.service.acquire('job', { ...PATIENT, ...options });
        at.network.holdReplies();
        await happen(at);
        const sent = at.network.seen('release ');
        const releasing = lock.release();
        await sent;
        // What is asked after it on another connection is answered after it.
        await at.other.inspect('job');
        at.network.reset();
        expect(await releasing).toBe(false);
      },
    );

    it.each(modes)('that was carried out (%s): true, whoever has the lock by now', async (_mode, options) => {
      await using at = await scene();
      const lock = await at.service.acquire('job', { ...PATIENT, ...options });
      const cut = at.network.cutAt('release ');
      const releasing = lock.release();
      await cut;
      const next = await at.other.acquire('job', PATIENT);
      await at.network.accept();
      expect(await releasing).toBe(true);
      expect(await next.release()).toBe(true);
    });

    it('of a body that was carried out is no loss', async () => {
      await using at = await scene();
      await at.service.run('job', () => {});
      const cut = at.network.cutAt('release ');
      const running = at.service.run('job', PATIENT, () => 'receipt');
      await cut;
      const next = await at.other.acquire('job', PATIENT);
      await at.network.accept();
      expect(await running).toBe('receipt');
      expect(next.held).toBe(true);
    });

    it('with a mark is no loss, though the mark has been forgotten by now', async () => {
      await using at = await scene();
      await at.service.run('job', () => {});
      const cut = at.network.cutAt('complete ');
      const once = at.service.once('job', { ...PATIENT, remember: '1h' }, () => 'receipt');
      await cut;
      await until(async () => at.other.forget('job'));
      const next = await at.other.acquire('job', PATIENT);
      await at.network.accept();
      expect(await once).toMatchObject({ value: 'receipt' });
      expect(next.held).toBe(true);
    });
  });

  it('of a lock whose key another program has deleted: false', async () => {
    await using at = await onOneServer();
    const lock = await at.service.acquire('job', PATIENT);
    await redis.client.del(`${at.namespace}:{job}`);
    at.network.holdReplies();
    const releasing = lock.release();
    await at.network.heldReply();
    at.network.reset();
    expect(await releasing).toBe(false);
  });

  it('that never arrived: true when the lock is ours still, false when it was ended meanwhile', async () => {
    for (const isEnded of [false, true]) {
      await using at = await onOneServer();
      const [proxy] = at.network.proxies as [TcpProxy];
      const lock = await at.service.acquire('job', PATIENT);
      const sent = proxy.seen('release ');
      proxy.holdRequests();
      const releasing = lock.release();
      await sent;
      proxy.refuseConnections();
      at.network.reset();
      if (isEnded) await at.other.forceRelease('job');
      await at.network.accept();
      expect(await releasing).toBe(!isEnded);
    }
  });

  it('one call that releases several: each is answered for itself', async () => {
    await using at = await onOneServer();
    const names = Array.from({ length: 12 }, (_, index) => `job-${index}`);
    const locks = await Promise.all(names.map((name) => at.service.acquire(name, PATIENT)));
    at.network.holdReplies();
    for (const [index, name] of names.entries()) if (index % 3 === 0) await at.other.forceRelease(name);
    const releasing = Promise.all(locks.map((lock) => lock.release()));
    await at.network.heldReply();
    await until(async () => (await at.other.inspect('job-11')).holders.length === 0);
    at.network.reset();
    expect(await releasing).toEqual(names.map((_, index) => index % 3 !== 0));
  });

  describe('and that is sent anew by the lock', () => {
    /** The port, by a client that repeats nothing by itself. */
    async function port() {
      const proxy = await TcpProxy.start(redis.server);
      const client = redis.server.client({ port: proxy.port, maxRetriesPerRequest: 0 });
      const connection = await Connection.open(client, quiet);
      const namespace = unique('ns');
      const store = new RedisLockStore({
        connection,
        namespace,
        commandTimeout: 5_000,
        logger: quiet,
      });
      const other = await createLockService({ redis: redis.url, namespace, ...inTests });
      const claim = { permits: 0, ttl: 600_000, alive: 0, ticket: 0, attempt: 1, block: 1 };
      const acquire = (owner: string) => store.acquire({ ...claim, name: 'job', owner });
      const release = (owner: string) => store.release({ name: 'job', owner, retain: 0 });
      await acquire('a#1');
      await release('a#1');
      const close = async (): Promise<void> => {
        await Promise.all([store.close(), other.close()]);
        proxy.stop();
      };
      return { proxy, client, other, acquire, release, [Symbol.asyncDispose]: close };
    }

    it('finds what the earlier one has done, whoever has the lock by now', async () => {
      await using at = await port();
      await at.acquire('a#2');
      const cut = at.proxy.resetAfterNextRequest('release ');
      await expect(at.release('a#2')).rejects.toMatchObject({ uncertain: true });
      await cut;
      await at.other.acquire('job', PATIENT);
      await until(() => at.client.status === 'ready');
      expect(await at.release('a#2')).toBe(true);
      expect(await at.release('a#2')).toBe(false);
    });

    it('finds that the lock was lost before the earlier one', async () => {
      await using at = await port();
      await at.acquire('a#2');
      await at.other.forceRelease('job');
      for (let round = 0; round < 3; round += 1) {
        const cut = at.proxy.resetAfterNextRequest('a#2');
        await expect(at.release('a#2')).rejects.toMatchObject({ uncertain: true });
        await cut;
        await until(() => at.client.status === 'ready');
      }
      expect(await at.release('a#2')).toBe(false);
    });

    it('finds what one of several earlier ones has done', async () => {
      await using at = await port();
      await at.acquire('a#2');
      for (let round = 0; round < 3; round += 1) {
        const cut = at.proxy.resetAfterNextRequest('a#2');
        await expect(at.release('a#2')).rejects.toMatchObject({ uncertain: true });
        await cut;
        await until(() => at.client.status === 'ready');
      }
      await at.other.acquire('job', PATIENT);
      expect(await at.release('a#2')).toBe(true);
    });
  });

  describe('in the script', () => {
    const scripted = () => new ScriptedLock(redis.client);
    const call = async (lock: ScriptedLock, number: string, operation: string[], traces = `{t}${lock.holder}`) => {
      const [reply] = await callScript(redis.client, lock.channelPrefix, [[lock, operation]], { number, traces });
      return reply;
    };

    it('the same call answers as the first time, another does not know of it', async () => {
      const lock = scripted();
      await lock.do('acquire', 'a#1');
      expect(await call(lock, '1007', operations.release('a#1'))).toBe(1);
      await lock.do('acquire', 'b#1');
      expect(await call(lock, '1007', operations.release('a#1'))).toBe(1);
      expect(await call(lock, '1008', operations.release('a#1'))).toBe(0);
      expect(await call(lock, '1009', ['release', '0', 'a#1', '1006'])).toBe(0);
      expect(await call(lock, '1010', ['release', '0', 'a#1', '1006', '1007'])).toBe(1);
      expect(await call(lock, '1011', ['release', '0', 'a#2', '1007'])).toBe(0);
    });

    it('a trace that a later call has overwritten is not taken for none', async () => {
      const lock = scripted();
      await lock.do('acquire', 'a#1');
      expect(await call(lock, '1007', operations.release('a#1'))).toBe(1);
      await lock.do('acquire', 'a#2');
      expect(await call(lock, '2007', operations.release('a#2'))).toBe(1);
      expect(await call(lock, '1007', operations.release('a#1'))).toBe('u');
      expect(await call(lock, '2008', ['release', '0', 'a#1', '1007'])).toBe('u');
      expect(await call(lock, '3007', operations.release('a#3'))).toBe(0);
    });

    it('the traces end by themselves, and live on when the client says so', async () => {
      const lock = scripted();
      const traces = `{t}${lock.holder}`;
      await lock.do('acquire', 'a#1');
      await call(lock, '1007', operations.release('a#1'));
      expect(await redis.client.pttl(traces)).toBeGreaterThan(60_000);
      await redis.client.pexpire(traces, 50_000);
      for (const [number, prolongs] of [
        ['1007', false],
        ['+1007', true],
      ] as const) {
        await lock.do('acquire', 'a#1');
        await call(lock, number, operations.release('a#1'));
        expect((await redis.client.pttl(traces)) > 50_000).toBe(prolongs);
      }
    });
  });

  describe('of which the store cannot tell what it was', () => {
    it('is told as lost, unavailable', async () => {
      const store = new ScriptedStore();
      const locks = new CoreLocks(store);
      store.automatic.acquire = () => ({ granted: true, token: 1, block: 1 });
      store.automatic.release = () => 'unknown';
      const lock = await locks.acquire('job');
      expect(await lock.release()).toBe(false);
      await expect(locks.run('job', {}, () => 'receipt')).rejects.toMatchObject({
        code: 'LOCK_LOST',
        why: 'unavailable',
        result: 'receipt',
      });
    });

    it.each([
      [[true, true, 'unknown'], true],
      [[true, 'unknown', 'unknown'], 'unknown'],
      [[false, true, 'unknown'], 'unknown'],
      [[false, false, 'unknown'], false],
    ] as const)('has no say in a quorum: %j is %s', async (answers, outcome) => {
      const voters = answers.map((answer) => ({
        acquire: async () => ({ granted: true, token: 1, block: 1 }) as const,
        renew: async () => true,
        release: async () => answer,
        withdraw: async () => {},
        inspect: async () => ({ holders: [], waiting: [], lastToken: null }),
        force: async () => false,
        subscribe: () => () => {},
      }));
      const store = new QuorumLockStore(voters);
      expect(await store.release({ name: 'job', owner: 'a#1', retain: 0 })).toBe(outcome);
    });
  });
});
