import { describe, expect, it } from 'vitest';
import { createLockService } from '../../../lib/index.js';
import { LOCK_SCRIPT } from '../../../lib/stores/redis/lock-script.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';
import { callsOf, traces } from '../../support/redis-observe.js';
import { RedisServer } from '../../support/redis-server.js';
import { inTests, quiet } from '../../support/stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const PAIRS = 200;

describe('loading the script', () => {
  const redis = useRedis();

  it('the text is sent once to a fresh server, and the hash from then on', async () => {
    await using server = await RedisServer.start();
    const client = server.client();
    // Nothing is looked for at first, by a script of its own.
    await using locks = await createLockService({
      redis: server.url,
      oneNamePerCall: false,
      logger: quiet,
      shutdownGrace: 0,
    });
    await locks.inspect('n');
    for (let round = 0; round < 5; round += 1) await (await locks.acquire(`n${round}`)).release();
    expect(await callsOf(client, 'eval')).toBe(1);
    expect(await callsOf(client, 'evalsha')).toBeGreaterThanOrEqual(10);
  });

  it('several services that begin at once on a fresh server all get their locks', async () => {
    await using server = await RedisServer.start();
    const open = () => createLockService({ redis: server.url, ...inTests });
    const services = await Promise.all(Array.from({ length: 5 }, open));
    const locks = await Promise.all(services.map((service, index) => service.acquire(`n${index}`)));
    expect(locks.every(({ held }) => held)).toBe(true);
    await Promise.all(services.map((service) => service.close()));
    expect(await traces(server.client(), 'lock')).toEqual([]);
  });

  it('SCRIPT FLUSH between two calls goes unnoticed', async () => {
    await using locks = await createLockService({
      redis: redis.url,
      namespace: unique('ns'),
      logger: quiet,
      shutdownGrace: 0,
    });
    const lock = await locks.acquire('n');
    await redis.client.script('FLUSH');
    await lock.extend();
    await redis.client.script('FLUSH');
    expect(await lock.release()).toBe(true);
  });

  it(`${PAIRS} locks and releases outlive a SCRIPT FLUSH that never stops`, async () => {
    const namespace = unique('ns');
    const options = { redis: redis.url, namespace, ...inTests, localHandOver: { max: 0 } };
    await using one = await createLockService(options);
    await using two = await createLockService(options);
    let done = false;
    let flushes = 0;
    const flushing = (async () => {
      for (; !done; flushes += 1) await redis.client.script('FLUSH');
    })();

    let inside = 0;
    const entered: number[] = [];
    const pair = async (index: number) => {
      // Half of them want the same lock, the others one each.
      const name = index % 2 === 0 ? 'hot' : `n${index}`;
      const lock = await (index % 4 < 2 ? one : two).acquire(name, { wait: '1m' });
      if (name === 'hot') {
        inside += 1;
        entered.push(inside);
      }
      await redis.client.ping();
      if (name === 'hot') inside -= 1;
      return lock.release();
    };
    const released = await Promise.all(Array.from({ length: PAIRS }, (_, index) => pair(index)));
    done = true;
    await flushing;

    expect(released).toEqual(released.map(() => true));
    expect(entered).toEqual(entered.map(() => 1));
    expect(flushes).toBeGreaterThan(1);
    expect(await traces(redis.client, namespace)).toEqual([]);
  });

  it('after a restart, empty of data and scripts, locks are taken again', async () => {
    await using server = await RedisServer.start();
    await using locks = await createLockService({ redis: server.url, ...inTests });
    await (await locks.acquire('n')).release();
    await server.restart();
    const lock = await locks.acquire('n');
    expect(await lock.release()).toBe(true);
  });

  it('the text is not sent for a call that has been given up: what was withdrawn is not locked later', async () => {
    await using server = await RedisServer.start();
    const client = server.client();
    await using proxy = await TcpProxy.start(server);
    await using locks = await createLockService({
      redis: proxy.url,
      commandTimeout: 300,
      logger: quiet,
      shutdownGrace: 0,
    });
    const answered = () => until(() => locks.inspect('n').catch(() => undefined), { describe: 'an answer' });
    await answered();
    await client.script('FLUSH');

    proxy.holdReplies();
    const refused = expect(locks.tryAcquire('n')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await proxy.heldReply(); // NOSCRIPT is under way
    await client.script('LOAD', LOCK_SCRIPT);
    const withdrawal = proxy.seen('withdraw');
    await refused;
    await withdrawal;
    proxy.release();

    await answered(); // behind whatever was sent on this connection because of the replies
    await answered();
    await until(async () => (await traces(client, 'lock')).length === 0, { describe: 'no trace', within: 5_000 });
  });
});
