import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique } from '../../support/redis.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { traces } from '../../support/redis-observe.js';
import { documentedExtra, documentedRule, setUser } from '../../support/redis-rule.js';
import { exerciseLocks } from '../../support/redis-scenario.js';
import { quiet } from '../../support/stores.js';

/** One in each third of the slots, and so on each node. */
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

describe('on a Cluster', () => {
  let cluster: RedisCluster;
  let nodes: Redis[];
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    nodes = cluster.nodes.map((node) => node.client());
  });
  afterAll(() => cluster?.stop());

  const tracesOnAll = async (namespace: string) => {
    return (await Promise.all(nodes.map((node) => traces(node, namespace)))).flat();
  };

  it.each([
    ['as it comes', {}],
    ['with enableAutoPipelining', { enableAutoPipelining: true }],
    ['with a keyPrefix', { keyPrefix: 'app:' }],
    ['with a keyPrefix with a hash tag', { keyPrefix: '{app}:' }],
    ['with lazyConnect', { lazyConnect: true }],
    ['with stringNumbers', { redisOptions: { stringNumbers: true } }],
    ['that reads from replicas', { scaleReads: 'slave' as const }],
    ['that queues nothing', { enableOfflineQueue: false }],
  ])('two services with clients %s do all that services do', async (_, options) => {
    const namespace = unique('ns');
    const open = () => createLockService({ redis: cluster.client(options), namespace, logger: quiet });
    await using one = await open();
    await using two = await open();
    await exerciseLocks(one, two);
    expect(await tracesOnAll(`*${namespace}`)).toEqual([]);
  });

  it('names live on all nodes, several of them are locked together, and waiters are woken across nodes', async () => {
    const namespace = unique('ns');
    const open = () => createLockService({ redis: cluster.client(), namespace, logger: quiet });
    await using one = await open();
    await using two = await open();
    const lock = await one.acquire(NAMES);
    const perNode = await Promise.all(nodes.map((node) => traces(node, namespace)));
    expect(perNode.every((keys) => keys.length > 0)).toBe(true);
    expect(perNode.flat().sort()).toEqual(NAMES.map((name) => `${namespace}:{${name}}`));
    expect(await two.tryAcquire(NAMES)).toBeNull();

    const messages: string[] = [];
    const ear = cluster.nodes[0]!.client();
    ear.on('pmessage', (_pattern, _channel, message) => messages.push(message));
    await ear.psubscribe(`${namespace}:wake:*`);
    const waiting = Promise.all(NAMES.map((name) => two.acquire(name)));
    await until(
      async () => (await tracesOnAll(namespace)).filter((key) => key.endsWith(':queue')).length === NAMES.length,
    );
    expect(await lock.release()).toBe(true);
    const locks = await waiting;
    // Each grant was told, whichever node gave it: "<seq> <attempt> <token> …" is heard on the first node.
    for (const { fencingToken } of locks) {
      await until(() => messages.some((message) => message.split(' ')[2] === String(fencingToken)));
    }
    for (const each of locks) expect(await each.release()).toBe(true);
    expect(await tracesOnAll(namespace)).toEqual([]);
  });

  it('a connection of ours that is closed while it looks for the slots arms no timer any more', async () => {
    const client = cluster.client({ slotsRefreshInterval: 1 });
    const ours: { slotsTimer?: unknown; isRefreshing?: boolean }[] = [];
    const { duplicate } = client;
    client.duplicate = (...args) => {
      const made = duplicate.apply(client, args);
      ours.push(made as unknown as (typeof ours)[number]);
      return made;
    };
    const service = await createLockService({ redis: client, logger: quiet });
    await (await service.acquire('n', { replicas: 0 })).release();
    await until(() => ours[0]?.isRefreshing, { describe: 'a look for the slots' });
    await service.close();
    await until(() => !ours[0]?.isRefreshing);
    expect(ours.map(({ slotsTimer }) => slotsTimer)).toEqual([null]);
  });

  it('a lock outlives the death of another node, and waiters get it although their subscriber may have been there', async () => {
    await using own = await RedisCluster.start({ args: ['--cluster-require-full-coverage', 'no'] });
    const open = () => createLockService({ redis: own.client(), commandTimeout: '2s', logger: quiet });
    await using one = await open();
    await using two = await open();
    const clients = own.nodes.map((node) => node.client());
    const lock = await one.acquire('n');
    const home = (await Promise.all(clients.map((client) => traces(client, 'lock')))).findIndex(
      (keys) => keys.length > 0,
    );
    const waiting = two.acquire('n', { wait: '1m' });
    await until(() => clients[home]!.hlen('lock:{n}:waiter'), { describe: 'a waiter' });
    for (const [index, node] of own.nodes.entries()) if (index !== home && index !== (home + 1) % 3) await node.kill();
    await lock.extend();
    expect(await lock.release()).toBe(true);
    expect(await (await waiting).release()).toBe(true);
  });

  describe('the rights of the user', () => {
    const extra = documentedExtra('Cluster');

    async function serviceAs(rule: string[], namespace: string) {
      const user = unique('user');
      for (const node of nodes) await setUser(node, user, rule);
      const redis = cluster.client({ redisOptions: { username: user, password: 'secret' } });
      return createLockService({ redis, namespace, commandTimeout: '3s', logger: quiet });
    }

    it('the documented rule with its additions is enough', async () => {
      const namespace = unique('ns');
      const rule = [...documentedRule(namespace), ...extra];
      await using one = await serviceAs(rule, namespace);
      await using two = await serviceAs(rule, namespace);
      await exerciseLocks(one, two);
    });

    it.each(extra)('without %s there is no lock', async (right) => {
      const namespace = unique('ns');
      const rule = [...documentedRule(namespace), ...extra].filter((word) => word !== right);
      await using service = await serviceAs(rule, namespace);
      await expect(service.acquire('n')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    });
  });
});
