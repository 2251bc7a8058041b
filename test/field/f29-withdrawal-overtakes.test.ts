import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { LockService } from '../../lib/index.js';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network, type NetworkConnection } from '../support/network.js';
import { RedisServer } from '../support/redis-server.js';

describe('F29: an acquire that waits for replicas stalls, and its withdrawal travels on another connection', () => {
  let primary: RedisServer;
  let network: Network;

  beforeEach(async () => {
    primary = await RedisServer.start();
    const of = ['--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0'];
    const replica = await RedisServer.start({ args: of });
    network = await Network.before(primary);
    onTestFinished(async () => {
      await network[Symbol.asyncDispose]();
      await replica.stop();
      await primary.stop();
    });
    await until(() => primary.client().wait(1, 100), { describe: 'the replica' });
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
    await until(
      () => waits().some((connection) => !lane.includes(connection) && connection.sent.includes('acquire ')),
      {
        describe: 'the acquire to be sent again',
      },
    );
    await until(isFree, { describe: 'nobody to hold it' });
    const other = await serviceOf(primary.url);
    expect((await other.acquire('job')).held).toBe(true);
  });
});
