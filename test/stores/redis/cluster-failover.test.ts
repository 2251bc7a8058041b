import fc from 'fast-check';
import type { Cluster, ClusterOptions, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService } from '../../../lib/index.js';
import { furtherKeysOf, keyOf } from '../../../lib/stores/redis/keys.js';
import { until } from '../../support/event.js';
import { expectExclusion, expectNothingLeft, isKept, startLoad } from '../../support/fail-over.js';
import { memoryRegister } from '../../support/guarded-register.js';
import { unique } from '../../support/redis.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { documentedExtra, documentedRule, refused, setUser } from '../../support/redis-rule.js';
import { exerciseLocks } from '../../support/redis-scenario.js';
import type { RedisServer } from '../../support/redis-server.js';
import { quiet } from '../../support/stores.js';

const SLOTS = 16_384;
const NAMES = Array.from({ length: 12 }, (_, index) => `n${index}`);
/** What ioredis asks for on a Cluster with replicas, and does without where it is refused. */
const DISPENSABLE = ['client|setname', 'client|setinfo', 'readonly'];
const TIMEOUT_MS = 90_000;
const PATIENT = { within: 60_000 };

describe('on a Cluster that changes', { timeout: TIMEOUT_MS }, () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start({ replicas: 1 });
  });
  afterAll(() => cluster?.stop());

  const slotOf = (name: string): Promise<number> => cluster.slotOf(keyOf('any', name));
  const homeOf = async (name: string): Promise<RedisServer> => cluster.ownerOf(await slotOf(name));

  const open = (namespace: string, redis: Cluster = cluster.client(), instance?: string) =>
    createLockService({ redis, namespace, instance, commandTimeout: '10s', shutdownGrace: 0, logger: quiet });

  const expectNothingLeftOnAny = async (namespace: string): Promise<void> => {
    for (const primary of await cluster.primaries()) await expectNothingLeft(primary.client(), namespace);
  };

  it('all keys of a name are in one slot, and names are on all nodes', async () => {
    const client = cluster.nodes[0]!.client();
    const nodes = new Set<number>();
    const name = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
      fc.string({ unit: fc.constantFrom(...'{}%:ab#~ \n\t\0'), minLength: 1, maxLength: 12 }),
    );
    const property = fc.asyncProperty(name, fc.stringMatching(/^[a-z:%#*]{1,8}$/), async (each, namespace) => {
      const key = keyOf(namespace, each);
      const keys = [key, ...furtherKeysOf(key)];
      const slots = await Promise.all(keys.map((one) => client.call('CLUSTER', 'KEYSLOT', one).then(Number)));
      expect(new Set(slots).size).toBe(1);
      nodes.add(Math.floor((slots[0]! * 3) / SLOTS));
    });
    await fc.assert(property, { numRuns: 1_000 });
    expect([...nodes].sort()).toEqual([0, 1, 2]);
  });

  it('replicas have what is granted, on whichever node, also while the client does not know where it is', async () => {
    const namespace = unique('ns');
    await using service = await open(namespace);
    for (const name of NAMES) {
      const lock = await service.acquire(name, { replicas: 1 });
      expect(await lock.release()).toBe(true);
    }
    const [name] = NAMES as [string];
    const slot = await slotOf(name);
    const [home, primaries] = [await cluster.ownerOf(slot), await cluster.primaries()];
    const other = primaries.find(({ port }) => port !== home.port)!;
    await cluster.migrateSlot(slot, other);
    const lock = await service.acquire(name, { replicas: 1 });
    await cluster.migrateSlot(slot, home);
    await lock.extend();
    expect(await lock.release()).toBe(true);
    await expect(service.acquire(name, { replicas: 2, wait: 0 })).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it('a slot that moves there and back under load: nobody gets what another has, and work goes on', async () => {
    const namespace = unique('ns');
    await using one = await open(namespace);
    await using two = await open(namespace);
    const slot = await slotOf('n');
    const home = await homeOf('n');
    const other = (await cluster.primaries()).find((node) => node !== home)!;
    const load = startLoad([one, two], ['n']);
    await load.everybodyWorks('work before');
    const clients = [home, other].map((node) => node.client());
    for (const to of [other, home, other, home]) {
      const before = await countTryAgain(clients);
      const isRefused = async (): Promise<boolean> => (await countTryAgain(clients)) >= before + 5;
      await cluster.migrateSlot(slot, to, async () => {
        await until(isRefused, { ...PATIENT, describe: 'calls that the nodes refuse while the slot moves' });
      });
      await load.everybodyWorks('work after the slot has moved');
      expect(await homeOf('n')).toBe(to);
    }
    await load.stop();
    expect([...load.codes].filter((code) => code !== 'LOCK_UNAVAILABLE')).toEqual([]);
    await expectExclusion(load.registerOf('n'));
    await expectNothingLeftOnAny(namespace);
  });

  it('a lock that is held and waited for moves along with its slot', async () => {
    const namespace = unique('ns');
    await using one = await open(namespace);
    await using two = await open(namespace);
    const home = await homeOf('n');
    const other = (await cluster.primaries()).find((node) => node !== home)!;
    const lock = await one.acquire('n', { ttl: '2m' });
    const waiting = two.acquire('n', { wait: '5m' });
    const keeper = home.client();
    await until(() => keeper.hlen(`${keyOf(namespace, 'n')}:waiter`), { describe: 'a waiter' });
    await cluster.migrateSlot(await slotOf('n'), other);
    expect(await isKept(lock)).toBe(true);
    expect(await lock.release()).toBe(true);
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    expect(await next.release()).toBe(true);
    await expectNothingLeftOnAny(namespace);
  });

  it('a waiter is woken by another node than it listens to, also after that one has died', async () => {
    const namespace = unique('ns');
    const { client: listener, messages } = listening(cluster);
    await using holder = await open(namespace);
    await using waiter = await open(namespace, listener, 'waiter');

    // Its connection for messages is opened for its first lock.
    await (await waiter.acquire('first')).release();
    const clients = new Map(cluster.nodes.map((node) => [node, node.client()]));
    /** The node that the waiter listens to. */
    const ear = (): Promise<RedisServer> =>
      until(
        async () => {
          for (const [node, client] of clients) {
            if (!node.running) continue;
            const channels = (await client.pubsub('CHANNELS', `${namespace}:wake:*.waiter`)) as string[];
            if (channels.length > 0) return node;
          }
          return undefined;
        },
        { ...PATIENT, describe: 'a node that the waiter listens to' },
      );
    const expectWokenFromElsewhere = async (): Promise<void> => {
      const node = await ear();
      const homes = await Promise.all(NAMES.map(homeOf));
      const index = homes.findIndex((home) => home !== node);
      const [name, home] = [NAMES[index]!, clients.get(homes[index]!)!];
      const lock = await holder.acquire(name);
      const waiting = waiter.acquire(name, { wait: '5m' });
      await until(() => home.hlen(`${keyOf(namespace, name)}:waiter`), { ...PATIENT, describe: 'a waiter' });
      await lock.release();
      const next = await waiting;
      // "<seq> <attempt> <token> …"
      const isTheGrant = (message: string): boolean => message.split(' ')[2] === String(next.fencingToken);
      await until(() => messages.some(isTheGrant), { describe: 'the message' });
      expect(await next.release()).toBe(true);
    };

    await expectWokenFromElsewhere();
    const died = await ear();
    if ((await cluster.primaries()).includes(died)) await cluster.failover(died);
    else await died.kill();
    await expectWokenFromElsewhere();
    await cluster.rejoin(died);
  });

  it.each([
    ['of primaries', {}, []],
    ['that reads from replicas', { scaleReads: 'slave' }, ['+readonly']],
  ] as [string, ClusterOptions, string[]][])(
    'the documented rule is enough for a client %s',
    async (_, options, more) => {
      const namespace = unique('ns');
      const username = unique('user');
      const rule = [...documentedRule(namespace), ...documentedExtra('Cluster'), ...more];
      // Users are not replicated: each node that may be asked has its own.
      const admins = cluster.nodes.map((node) => node.client());
      for (const admin of admins) await setUser(admin, username, rule);
      const client = (): Cluster => cluster.client({ ...options, redisOptions: { username, password: 'secret' } });
      await using one = await open(namespace, client());
      await using two = await open(namespace, client());
      await exerciseLocks(one, two);
      const missed = (await Promise.all(admins.map((admin) => refused(admin, username)))).flat();
      expect(missed.filter((command) => !DISPENSABLE.includes(command))).toEqual([]);
    },
  );

  it('a primary that is killed under load: holders keep their locks, waiters get theirs, work goes on', async () => {
    const namespace = unique('ns');
    await using one = await open(namespace);
    await using two = await open(namespace);
    await using three = await open(namespace);
    const services = [one, two, three];
    const homes = await Promise.all(NAMES.map(homeOf));
    expect(new Set(homes).size).toBe(3);
    const victim = homes[0]!;

    const registers = NAMES.map(() => memoryRegister());
    const locks = await Promise.all(
      NAMES.map((name, index) => services[index % 3]!.acquire(`held:${name}`, { ttl: '2m' })),
    );
    for (const [index, { fencingToken }] of locks.entries()) await registers[index]!.enter(fencingToken);
    const served = NAMES.flatMap((name, index) =>
      [1, 2].map((offset) =>
        services[(index + offset) % 3]!.run(`held:${name}`, { wait: '5m' }, async ({ fencingToken }) => {
          await registers[index]!.enter(fencingToken);
          await registers[index]!.leave(fencingToken);
        }),
      ),
    );
    const waiting = Promise.all(served);
    waiting.catch(() => {});
    const waitersOf = async (name: string): Promise<number> => (await one.inspect(`held:${name}`)).waiting.length;
    await until(async () => (await Promise.all(NAMES.map(waitersOf))).every((count) => count === 2), {
      describe: 'all waiters',
    });
    await inStep(victim);

    const load = startLoad(services, NAMES);
    await load.everybodyWorks('work before the fail-over');
    const promoted = await cluster.failover(victim);
    await load.everybodyWorks('work after the fail-over');
    expect(await homeOf(NAMES[0]!)).toBe(promoted);

    expect(await Promise.all(locks.map(isKept))).toEqual(locks.map(() => true));
    for (const [index, lock] of locks.entries()) {
      await registers[index]!.leave(lock.fencingToken);
      expect(await lock.release()).toBe(true);
    }
    await waiting;
    await load.stop();
    expect([...load.codes].filter((code) => !['LOCK_UNAVAILABLE', 'LOCK_LOST'].includes(code))).toEqual([]);
    for (const register of [...registers, ...NAMES.map(load.registerOf)]) await expectExclusion(register);
    await expectNothingLeftOnAny(namespace);
  });
});

/** How often nodes have said that they have not all keys of a call, since their slot is on its way. */
async function countTryAgain(nodes: readonly Redis[]): Promise<number> {
  const stats = await Promise.all(nodes.map((node) => node.info('errorstats')));
  const counts = stats.map((text) => Number(/^errorstat_TRYAGAIN:count=(\d+)/m.exec(text)?.[1] ?? 0));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Resolves when the replica of a primary has all that was written up to now. */
async function inStep(primary: RedisServer): Promise<void> {
  const client = primary.client();
  const read = async (pattern: RegExp): Promise<number> => Number(pattern.exec(await client.info('replication'))?.[1]);
  const written = await read(/^master_repl_offset:(\d+)/m);
  await until(async () => (await read(/^slave0:.*,offset=(\d+)/m)) >= written, { describe: 'the replica in step' });
}

/** A client whose connection for messages can be listened to. */
function listening(cluster: RedisCluster): { client: Cluster; messages: string[] } {
  const client = cluster.client();
  const messages: string[] = [];
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (...args) => {
    const subscriber = duplicate(...args);
    subscriber.on('message', (_channel: string, message: string) => messages.push(message));
    return subscriber;
  };
  return { client, messages };
}
