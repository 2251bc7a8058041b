import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type Lock, type LockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { callsOf, traces } from '../../support/redis-observe.js';
import { inTests, quiet } from '../../support/stores.js';

const BATCH = 32;

/** A service that has connected, subscribed and loaded its script, so that it sends nothing of its own accord. */
async function settle(service: LockService, client: Redis): Promise<void> {
  await service.inspect('warm');
  const probes = await callsOf(client, 'publish');
  const lock = await service.acquire('warm');
  await lock.release();
  await until(async () => (await callsOf(client, 'publish')) > probes, { describe: 'the probe of the wake channel' });
  await service.inspect('warm'); // the probe is answered, and what its answer caused is done
}

describe('group commit', () => {
  const redis = useRedis();

  /** How many script calls `act`, which wakes nobody, takes; not those that prove again that messages arrive. */
  async function scriptCalls(clients: Redis[], act: () => Promise<unknown>): Promise<number> {
    const count = async () => {
      const sum = async (command: string): Promise<number> =>
        (await Promise.all(clients.map((client) => callsOf(client, command)))).reduce((all, each) => all + each, 0);
      return (await sum('evalsha')) + (await sum('eval')) - (await sum('publish'));
    };
    const before = await count();
    await act();
    return (await count()) - before;
  }

  it.each([1, 31, 32, 33, 70])(`%i operations of one tick travel in batches of ${BATCH}`, async (operations) => {
    await using service = await createLockService({
      redis: redis.url,
      namespace: unique('ns'),
      oneNamePerCall: false,
      logger: quiet,
      shutdownGrace: 0,
    });
    await settle(service, redis.client);
    const names = Array.from({ length: operations }, (_, index) => `n${index}`);
    let locks: Lock[] = [];
    const acquiring = await scriptCalls([redis.client], async () => {
      locks = await Promise.all(names.map((name) => service.acquire(name)));
    });
    const releasing = await scriptCalls([redis.client], () => Promise.all(locks.map((lock) => lock.release())));
    expect([acquiring, releasing]).toEqual([Math.ceil(operations / BATCH), Math.ceil(operations / BATCH)]);
    expect(new Set(locks.map(({ name }) => name)).size).toBe(operations);
  });

  it('each of many operations of one tick gets its own answer', async () => {
    const namespace = unique('ns');
    await using service = await createLockService({
      redis: redis.url,
      namespace,
      oneNamePerCall: false,
      logger: quiet,
      shutdownGrace: 0,
    });
    await using other = await createLockService({
      redis: redis.url,
      namespace,
      instance: 'other',
      logger: quiet,
      shutdownGrace: 0,
    });
    const names = Array.from({ length: 40 }, (_, index) => `n${index}`);
    const taken = names.filter((_, index) => index % 3 === 0);
    const theirs = await Promise.all(taken.map((name) => other.acquire(name)));
    const [answers, states] = await Promise.all([
      Promise.all(names.map((name) => service.tryAcquire(name))),
      Promise.all(names.map((name) => service.inspect(name))),
    ]);
    expect(answers.map((lock) => lock?.name)).toEqual(names.map((name) => (taken.includes(name) ? undefined : name)));
    expect(states.map(({ name }) => name)).toEqual(names);
    expect(states.filter(({ holders }) => holders[0]?.instance === 'other').map(({ name }) => name)).toEqual(taken);
    await Promise.all([...answers, ...theirs].map((lock) => lock?.release()));
    expect(await traces(redis.client, namespace)).toEqual([]);
  });

  it('what fails under one key hurts no neighbour of the same call', async () => {
    const namespace = unique('ns');
    await using service = await createLockService({
      redis: redis.url,
      namespace,
      oneNamePerCall: false,
      logger: quiet,
      shutdownGrace: 0,
    });
    await settle(service, redis.client);
    const bad = [`n3`, `n7`];
    for (const name of bad) await redis.client.rpush(`${namespace}:{${name}}`, 'a list');
    const names = Array.from({ length: BATCH }, (_, index) => `n${index}`);
    let settledAll: PromiseSettledResult<Lock>[] = [];
    const calls = await scriptCalls([redis.client], async () => {
      settledAll = await Promise.allSettled(names.map((name) => service.acquire(name)));
    });
    expect(calls).toBe(1);
    for (const [index, result] of settledAll.entries()) {
      if (bad.includes(`n${index}`)) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: {
            code: 'LOCK_UNAVAILABLE',
            lockName: `n${index}`,
            cause: { message: expect.stringMatching(/^WRONGTYPE/) },
          },
        });
      } else expect(result).toMatchObject({ status: 'fulfilled', value: { name: `n${index}`, held: true } });
    }
    const errors = settledAll.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    expect(new Set(errors).size).toBe(bad.length);
  });

  it('an answer that came while the process stood still counts, however long that was', async () => {
    const commandTimeout = 200;
    const namespace = unique('ns');
    await using service = await createLockService({ redis: redis.url, namespace, commandTimeout, ...inTests });
    await settle(service, redis.client);
    const wish = service.acquire('lock', { ttl: '1h' });
    const standStill = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * commandTimeout);
    process.nextTick(standStill); // just after the command was sent
    expect((await wish).held).toBe(true);
  });

  describe('on a Cluster', () => {
    let cluster: RedisCluster;
    let clients: Redis[];
    beforeAll(async () => {
      cluster = await RedisCluster.start();
      clients = cluster.nodes.map((node) => node.client());
    });
    afterAll(() => cluster?.stop());

    it('the operations of one tick travel in one call for each name', async () => {
      const namespace = unique('ns');
      await using service = await createLockService({
        redis: cluster.client(),
        namespace,
        logger: quiet,
        shutdownGrace: 0,
      });
      const shared = { mode: 'shared' } as const;
      const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
      await (await service.acquire('warm', shared)).release();
      const channels = () => Promise.all(clients.map((client) => client.pubsub('CHANNELS', `${namespace}:*`)));
      await until(async () => (await channels()).flat().length > 0, { describe: 'the subscription' });
      for (const name of names) await service.inspect(name); // loads the script everywhere

      const twice = [...names, ...names];
      let locks: Lock[] = [];
      const calls = await scriptCalls(clients, async () => {
        locks = await Promise.all(twice.map((name) => service.acquire(name, shared)));
      });
      expect(calls).toBe(names.length);
      expect(locks.map(({ name, held }) => held && name)).toEqual(twice);
      await Promise.all(locks.map((lock) => lock.release()));
    });
  });
});
