import { Cluster, type Redis } from 'ioredis';
import { Cluster as Cluster5 } from 'ioredis5';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network, type NetworkConnection } from '../support/network.js';
import { useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';

const BREAKS: [string, (connection: NetworkConnection) => void][] = [
  ['swallows both ways', (connection) => connection.hole()],
  ['swallows both ways, and the server has noticed', (connection) => connection.hole({ noticed: true })],
  ['loses the answers', (connection) => connection.holdReplies()],
];

describe('F19: the connection for commands is cut off silently', () => {
  const redis = useRedis();

  it.each(BREAKS)('our own, which %s, is replaced; what was held is held; both is logged once', async (_, cut) => {
    await using network = await Network.before(redis.server);
    const locks = await serviceOf(network.url, { commandTimeout: '1s', namespace: `own${Math.random()}` });
    const exclusive = await locks.acquire('held', { ttl: '20s' });
    const shared = await locks.acquire('shared', { ttl: '20s', mode: 'shared' });
    await locks.run('job', () => {});
    for (const connection of network.forCommands) cut(connection);
    await until(async () => (await locks.tryRun('job', () => {}).catch(() => undefined))?.acquired, {
      describe: 'locks to work again',
    });
    expect(await exclusive.release()).toBe(true);
    expect(await shared.release()).toBe(true);
    await until(() => locks.lines.length === 2, { describe: 'the end of it to be logged' });
    expect(locks.lines[0]).toMatch(
      /^Redis has not answered for \d+ ms on a connection that looks alive, which is replaced/,
    );
    expect(locks.lines[1]).toMatch(/^Redis answers again, after \d+ ms\.$/);
  });

  it('one that is cut off while it signs in is replaced, too', { timeout: 40_000 }, async () => {
    await using network = await Network.before(redis.server);
    network.swallows = true;
    const locks = await serviceOf(network.url, { commandTimeout: '20s' });
    const acquiring = locks.acquire('n');
    await until(() => network.all.length > 0, { describe: 'the first connection' });
    network.swallows = false;
    expect((await acquiring).held).toBe(true);
  });

  it.each(VERSIONS)('of a client that was handed in ($version), a warning names the options', async ({ connect }) => {
    await using network = await Network.before(redis.server);
    const locks = await serviceOf(connect({ port: network.port }), { commandTimeout: '1s' });
    await locks.run('job', () => {});
    const [connection] = network.forCommands;
    connection?.hole();
    await expect(locks.tryRun('job', () => {})).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(locks.lines).toEqual([expect.stringMatching(/`socketTimeout` and `keepAlive`/)]);
    expect(connection?.closed).toBe(false);
    connection?.reset();
    await until(async () => (await locks.tryRun('job', () => {}).catch(() => undefined))?.acquired);
    await until(() => locks.lines.length === 2, { describe: 'the end of it to be logged' });
    expect(locks.lines[1]).toMatch(/^Redis answers again/);
  });

  it.each([
    ['ioredis 6', Cluster],
    ['ioredis 5', Cluster5 as unknown as typeof Cluster],
  ])('of a Cluster (%s), too, and when each of its nodes answers again', async (_, Made) => {
    await using cluster = await RedisCluster.start();
    const networks = await Promise.all(cluster.nodes.map((node) => Network.before(node)));
    onTestFinished(async () => void (await Promise.all(networks.map((network) => network[Symbol.asyncDispose]()))));
    const natMap = Object.fromEntries(
      cluster.nodes.map(({ port }, i) => [
        `127.0.0.1:${port}`,
        { host: '127.0.0.1', port: networks[i]?.port as number },
      ]),
    );
    const client = new Made([{ host: '127.0.0.1', port: networks[0]?.port as number }], { natMap });
    client.on('error', () => {});
    onTestFinished(() => client.disconnect());
    const locks = await serviceOf(client as unknown as Redis, { commandTimeout: '1s' });
    await locks.run('job', () => {});
    const [connection] = networks.flatMap((network) => network.forCommands);
    connection?.hole();
    await until(async () => {
      await expect(locks.tryRun('job', () => {})).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      return locks.lines.some((line) => /looks alive\. .*`redisOptions` `socketTimeout` and `keepAlive`/.test(line));
    });
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => locks.run(name, () => {}).catch(() => {})));
    expect(locks.lines.filter((line) => line.startsWith('Redis answers again'))).toEqual([]);
    connection?.reset();
    await until(async () => (await locks.tryRun('job', () => {}).catch(() => undefined))?.acquired);
    // Calls find it out, for as long as another node is slow to answer.
    await until(async () => {
      await locks.tryRun('job', () => {}).catch(() => {});
      return locks.lines.some((line) => line.startsWith('Redis answers again'));
    });
  });

  it('a server that is busy for a while is replaced once, and not again and again', async () => {
    await using network = await Network.before(redis.server);
    const locks = await serviceOf(network.url, { commandTimeout: '1s' });
    await locks.run('job', () => {});
    await redis.server.pause();
    const before = network.all.length;
    for (let call = 0; call < 4; call += 1) await locks.tryRun('job', () => {}).catch(() => {});
    expect(network.all.length - before).toBeLessThanOrEqual(1);
    redis.server.resume();
    await until(async () => (await locks.tryRun('job', () => {}).catch(() => undefined))?.acquired);
  });
});
