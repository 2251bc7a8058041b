import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { createLockService, LockModule, LockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { freePort } from '../../support/free-port.js';
import { unique, useRedis } from '../../support/redis.js';
import { everyCall, recordingLogger, traces, unavailable } from '../../support/redis-observe.js';
import { RedisServer } from '../../support/redis-server.js';
import { inTests, quiet } from '../../support/stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const commandTimeout = 300;
/** Longer than a waiter that is not heard of stays in the queue. */
const LONG_OUTAGE_MS = 6_000;

describe('Redis is away when the service starts', () => {
  it('the service is there at once, calls are unavailable after commandTimeout, and work once Redis is back', async () => {
    const port = await freePort();
    const logger = recordingLogger();
    await using service = await createLockService({ redis: `redis://127.0.0.1:${port}`, commandTimeout, logger });
    const since = performance.now();
    const errors = await Promise.all(everyCall(service, () => {}).map(({ call }) => unavailable(call())));
    const took = performance.now() - since;
    expect(took).toBeGreaterThanOrEqual(commandTimeout - 1);
    expect(took).toBeLessThan(20 * commandTimeout);
    for (const { uncertain, cause } of errors) {
      expect({ uncertain, cause }).toMatchObject({ uncertain: false, cause: { code: 'ECONNREFUSED' } });
    }
    expect(logger.lines).toHaveLength(1);

    await using server = await RedisServer.start({ port });
    const client = server.client();
    const lock = await until(() => service.acquire('n').catch(() => undefined));
    // Nothing of what had been given up was sent.
    expect(await traces(client, 'lock')).toEqual(['lock:{n}']);
    expect(await lock.release()).toBe(true);
  });

  it('a Nest application boots without it', async () => {
    const port = await freePort();
    const redis = { port, host: '127.0.0.1' };
    const module = await Test.createTestingModule({
      imports: [LockModule.forRoot({ redis, commandTimeout, ...inTests })],
    }).compile();
    await module.init();
    await unavailable(module.get(LockService).acquire('n'));
    await module.close();
  });

  it('a call that is made meanwhile is served when Redis comes before commandTimeout', async () => {
    const port = await freePort();
    await using service = await createLockService({
      redis: `redis://127.0.0.1:${port}`,
      commandTimeout: '20s',
      logger: quiet,
      shutdownGrace: 0,
    });
    const asking = service.acquire('n');
    await using server = await RedisServer.start({ port });
    const lock = await asking;
    expect(await traces(server.client(), 'lock')).toEqual(['lock:{n}']);
    expect(await lock.release()).toBe(true);
  });

  it('each outage is logged once', async () => {
    await using server = await RedisServer.start();
    const logger = recordingLogger();
    await using service = await createLockService({ redis: server.url, commandTimeout, logger });
    for (let outage = 1; outage <= 2; outage += 1) {
      await until(() => service.inspect('n').catch(() => undefined));
      await server.kill();
      await unavailable(service.acquire('n'));
      await until(() => logger.lines.filter((line) => line.includes('cannot be reached')).length === outage);
      await server.restart();
    }
    await until(() => service.inspect('n').catch(() => undefined));
    expect(logger.lines.map((line) => line.slice(0, 20))).toEqual([
      'Redis cannot be reac',
      'Redis answers again,',
      'Redis cannot be reac',
      'Redis answers again,',
    ]);
  });
});

describe('Redis hangs', () => {
  it.each([
    ['our own connection', (server: RedisServer) => server.url],
    ['a client that was handed in', (server: RedisServer) => server.client()],
  ])('calls are unavailable after commandTimeout, and nothing is locked when it goes on: %s', async (_, sourceOf) => {
    await using server = await RedisServer.start();
    const client = server.client();
    await using holder = await createLockService({ redis: server.url, ...inTests });
    await using service = await createLockService({
      redis: sourceOf(server),
      commandTimeout,
      logger: quiet,
      shutdownGrace: 0,
    });
    const warm = await until(() => service.acquire('warm').catch(() => undefined));
    await warm.release();
    const lock = await holder.acquire('held');
    await client.script('FLUSH'); // so that the first of them does not know the script
    await server.pause();

    const calls = [...everyCall(service, () => {}), { call: () => service.acquire('held') }];
    const errors = await Promise.all(calls.map(({ call }) => unavailable(call())));
    for (const { uncertain } of errors) expect(uncertain).toBe(true);
    server.resume();
    const onlyThat = () => traces(client, 'lock').then((found) => found.join() === 'lock:{held}');
    await until(onlyThat, { describe: 'the withdrawal of all that was given up' });
    expect(await lock.release()).toBe(true);
  });
});

describe('the connection breaks', () => {
  const redis = useRedis();

  it('what was carried out although its answer got lost is asked for again: the lock is ours, once', async () => {
    const namespace = unique('ns');
    await using proxy = await TcpProxy.start(redis.server);
    await using service = await createLockService({ redis: proxy.url, namespace, ...inTests });
    await (await service.acquire('warm')).release();
    const cut = proxy.resetAfterNextRequest('acquire');
    const asking = service.acquire('n');
    await cut;
    const { fencingToken, held } = await asking;
    expect(held).toBe(true);
    expect(await redis.client.get(`${namespace}:{n}`)).toMatch(new RegExp(` ${fencingToken}$`));
  });

  it('a release that was carried out although its answer got lost is a release', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    await using service = await createLockService({
      redis: proxy.url,
      namespace: unique('ns'),
      logger: quiet,
      shutdownGrace: 0,
    });
    const lock = await service.acquire('n');
    const cut = proxy.resetAfterNextRequest('release');
    const released = lock.release();
    await cut;
    expect(await released).toBe(true);
  });

  it('what was carried out although its answer got lost is released, when the caller has given up meanwhile', async () => {
    const namespace = unique('ns');
    await using proxy = await TcpProxy.start(redis.server);
    await using service = await createLockService({
      redis: proxy.url,
      namespace,
      commandTimeout,
      logger: quiet,
      shutdownGrace: 0,
    });
    await (await service.acquire('warm')).release();
    const cut = proxy.resetAfterNextRequest('acquire');
    proxy.refuseConnections();
    const asking = unavailable(service.acquire('n'));
    await cut;
    expect(await traces(redis.client, namespace)).toEqual([`${namespace}:{n}`]);
    expect((await asking).uncertain).toBe(true);
    await proxy.acceptConnections();
    await until(async () => (await traces(redis.client, namespace)).length === 0, { describe: 'no trace' });
  });

  it('what the client sends again long after the caller has given up is released', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    // Keeps what was in flight for as long as the outage lasts.
    const client = redis.server.client({ port: proxy.port, maxRetriesPerRequest: null });
    const options = { namespace: unique('ns'), commandTimeout, ...inTests };
    await using service = await createLockService({ redis: client, ...options });
    await (await service.acquire('warm')).release();
    proxy.holdRequests();
    const sent = proxy.seen('acquire');
    const asking = unavailable(service.acquire('n', { ttl: 100 }));
    await sent;
    proxy.refuseConnections();
    proxy.resetAll();
    await asking;
    await new Promise((resolve) => setTimeout(resolve, LONG_OUTAGE_MS));

    let withdrawn = false;
    proxy.seen('withdraw').then(
      () => {
        withdrawn = true;
      },
      () => {},
    );
    proxy.release();
    await proxy.acceptConnections();
    await until(() => withdrawn, { describe: 'the withdrawal' });
  });
});
