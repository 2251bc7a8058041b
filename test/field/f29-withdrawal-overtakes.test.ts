import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { LockService } from '../../lib/index.js';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { deferred, until } from '../support/event.js';
import { Network, type NetworkConnection } from '../support/network.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';

describe('F29: an acquire that waits for replicas stalls, and its withdrawal travels on another connection', () => {
  let primary: RedisServer;
  let network: Network;

  beforeEach(async () => {
    primary = await RedisServer.start({ args: ['--repl-diskless-sync-delay', '0'] });
    const replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(primary.port)] });
    network = await Network.before(primary);
    onTestFinished(async () => {
      await network[Symbol.asyncDispose]();
      await replica.stop();
      await primary.stop();
    });
    await primary.replicated(1);
  });

  const waits = (): NetworkConnection[] => network.open.filter(({ sent }) => sent.includes('\r\nwait\r\n'));
  const isFree = async (): Promise<boolean> =>
    (await primary.client().exists('field:{job}', 'field:{job}:shared', 'field:{job}:queue')) === 0;

  async function stalled(options: object): Promise<{ locks: LockService; lane: NetworkConnection[] }> {
    const [{ connect }] = VERSIONS as [(typeof VERSIONS)[0]];
    const locks = await serviceOf(connect({ port: network.port, maxRetriesPerRequest: null }), {
      commandTimeout: '1500ms',
      defaults: { replicas: 1, ttl: '1h' },
    });
    await locks.run('warm', () => {});
    const lane = waits();
    for (const connection of lane) connection.holdRequests();
    const asked = network.onData;
    expect(asked).toBeUndefined();
    let withdrawn = 0;
    network.onData = (_, text) => {
      withdrawn += text.includes('withdraw ') ? 1 : 0;
    };
    await expect(locks.acquire('job', options)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE', uncertain: true });
    await until(() => withdrawn > 0, { describe: 'the withdrawal' });
    return { locks, lane };
  }

  it.each<[string, object]>([
    ['an exclusive lock', { wait: 0 }],
    ['a shared lock', { wait: 0, mode: 'shared' }],
    ['a place in the queue', { wait: '1h' }],
  ])('the connection goes on: nobody is left with %s', async (what, options) => {
    const other = await serviceOf(primary.url);
    const held = what === 'a place in the queue' ? await other.acquire('job') : undefined;
    const { lane } = await stalled(options);
    for (const connection of lane) connection.release();
    await until(async () => (await primary.client().zcard('field:{job}:queue')) === 0, { describe: 'no waiter' });
    await held?.release();
    await until(isFree, { describe: 'nobody to hold it' });
    expect((await other.acquire('job')).held).toBe(true);
  });

  it('the connection breaks, and the client sends the acquire again: nobody is left with the lock', async () => {
    const { lane } = await stalled({ wait: 0 });
    for (const connection of lane) connection.reset();
    await until(() => waits().some((connection) => !lane.includes(connection) && connection.sent.includes('acquire')), {
      describe: 'the acquire to be sent again',
    });
    await until(isFree, { describe: 'nobody to hold it' });
    const other = await serviceOf(primary.url);
    expect((await other.acquire('job')).held).toBe(true);
  });
});

describe('F29: a Cluster sends an acquire again when its withdrawal has been carried out', () => {
  it.each<[string, object]>([
    ['an exclusive lock', { wait: 0 }],
    ['a shared lock', { wait: 0, mode: 'shared' }],
    ['a waiter', { wait: '1h' }],
  ])('nobody is left with what is asked for: %s', async (_, options) => {
    await using cluster = await RedisCluster.start();
    const client = cluster.client();
    const send = client.evalsha.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const late = deferred<void>();
    let withdrawn = 0;
    // As ioredis does with what was on a connection that breaks: later than what comes meanwhile.
    client.evalsha = (async (...args: unknown[]) => {
      const operation = String(args.at(-1));
      const asks = args.includes('acquire') || operation.startsWith('acquire ');
      if (args.includes('field:{job}') && asks) await late.promise;
      const reply = await send(...args);
      if (operation.startsWith('withdraw ')) withdrawn += 1;
      return reply;
    }) as typeof client.evalsha;
    const locks = await serviceOf(client as unknown as Redis, { commandTimeout: 300, defaults: { ttl: '1h' } });
    await locks.run('warm', () => {});
    await expect(locks.acquire('job', options)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE', uncertain: true });
    await until(() => withdrawn > 0, { describe: 'the withdrawal' });
    late.resolve();
    const other = await serviceOf(cluster.client() as unknown as Redis);
    await until(async () => withdrawn > 1 && (await other.tryAcquire('job')), { describe: 'the lock to be free' });
  });
});
