import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type RedisSource } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique } from '../../support/redis.js';
import { traces } from '../../support/redis-observe.js';
import { documentedExtra, documentedRule, refused, setUser } from '../../support/redis-rule.js';
import { exerciseLocks } from '../../support/redis-scenario.js';
import { RedisSentinel } from '../../support/redis-sentinel.js';
import { quiet } from '../../support/stores.js';

describe('with Sentinel', () => {
  let group: RedisSentinel;
  beforeAll(async () => {
    group = await RedisSentinel.start();
  });
  afterAll(() => group?.stop());

  const options = () => ({ sentinels: group.addresses, name: group.name });

  it.each([
    ['options', () => options()],
    ['clients', () => group.client()],
  ] as [string, () => RedisSource][])('two services with %s do all that services do', async (_, sourceOf) => {
    const namespace = unique('ns');
    await using one = await createLockService({ redis: sourceOf(), namespace, logger: quiet });
    await using two = await createLockService({ redis: sourceOf(), namespace, logger: quiet });
    await exerciseLocks(one, two);
  });

  it('at the Sentinels the documented rights are enough, and none is too many', async () => {
    const namespace = unique('ns');
    const rights = documentedExtra('Sentinel');
    const user = (rule: string[]) =>
      Promise.all(
        group.sentinels.map((sentinel) =>
          setUser(sentinel.client(), 'app', ['reset', 'on', '>secret', '-@all', ...rule]),
        ),
      );
    const redis = { ...options(), sentinelUsername: 'app', sentinelPassword: 'secret' };
    const open = () => createLockService({ redis, namespace, commandTimeout: '1s', logger: quiet });
    await user(rights);
    await using service = await open();
    expect(await (await service.acquire('n')).release()).toBe(true);
    for (const right of rights) {
      await user(rights.filter((word) => word !== right));
      await using refused = await open();
      await expect(refused.acquire('n')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    }
  });

  it('with the documented rule at the servers, and the documented rights at the Sentinels, all is done', async () => {
    const namespace = unique('ns');
    const login = { username: unique('user'), password: 'secret' };
    // Users are not replicated: each server that may become the primary has its own.
    for (const server of [group.primary, ...group.replicas]) {
      await setUser(server.client(), login.username, documentedRule(namespace));
    }
    const rights = ['reset', 'on', '>secret', '-@all', ...documentedExtra('Sentinel')];
    for (const sentinel of group.sentinels) await setUser(sentinel.client(), login.username, rights);
    const atSentinels = { sentinelUsername: login.username, sentinelPassword: login.password };
    const open = (redis: RedisSource) => createLockService({ redis, namespace, logger: quiet });
    await using one = await open({ ...options(), ...login, ...atSentinels });
    await using two = await open(group.client({ ...login, ...atSentinels }));
    await exerciseLocks(one, two);
    expect(await refused(group.primary.client(), login.username)).toEqual([]);
    for (const sentinel of group.sentinels) expect(await refused(sentinel.client(), login.username)).toEqual([]);
  });

  it('a fail-over while somebody waits: holder, waiter and tokens survive it', async () => {
    const namespace = unique('ns');
    const service = () => createLockService({ redis: options(), namespace, commandTimeout: '20s', logger: quiet });
    await using one = await service();
    await using two = await service();
    await using three = await service();
    const lock = await one.acquire('n', { ttl: '1m' });
    const order: number[] = [];
    for (const [place, by] of [two, three].entries()) {
      const waiting = by.run('n', { wait: '2m' }, ({ fencingToken }) => {
        order.push(place);
        expect(fencingToken).toBeGreaterThan(lock.fencingToken);
      });
      waiting.catch(() => order.push(-1));
      await until(async () => (await one.inspect('n')).waiting.length > place, { describe: 'a place in the queue' });
    }
    // All of it has come to the replicas.
    const replicas = group.replicas.map((replica) => replica.client());
    for (const replica of replicas) await until(async () => (await replica.zcard(`${namespace}:{n}:queue`)) === 2);

    await group.failover();
    const state = async () => {
      const { holders, waiting } = await one.inspect('n');
      return [holders.length, waiting.length].join();
    };
    await until(async () => (await state()) === '1,2', { describe: 'the holder and both waiters' });
    // Whoever cannot be told of a grant is passed over.
    const promoted = group.primary.client();
    const channels = () => promoted.pubsub('CHANNELS', `${namespace}:wake:*`);
    await until(async () => (await channels()).length === 3, { describe: 'three processes that listen' });
    await lock.extend();
    expect(lock.held).toBe(true);
    expect(await lock.release()).toBe(true);
    await until(() => order.length === 2, { within: 20_000 });
    expect(order).toEqual([0, 1]);

    const primary = group.primary.client();
    await until(async () => (await traces(primary, namespace)).length === 0, { describe: 'no trace' });
  });
});
