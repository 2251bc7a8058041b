import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createLockService, type RedisClient } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { freePort } from '../../support/free-port.js';
import { unique, useRedis } from '../../support/redis.js';
import { everyCall, recordingLogger, traces, unavailable } from '../../support/redis-observe.js';
import { connections } from '../../support/redis-scenario.js';
import { RedisServer } from '../../support/redis-server.js';
import { quiet } from '../../support/stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

async function quit(client: Redis): Promise<void> {
  await client.quit();
  await until(() => client.status === 'end', { describe: 'the end of the client' });
}

describe('the application ends the client that it handed in', () => {
  it('calls are unavailable at once, the lock is lost at its deadline, and our own connection goes too', async () => {
    await using server = await RedisServer.start();
    const admin = server.client();
    const client = server.client();
    await using service = await createLockService({ redis: client, commandTimeout: '1m', logger: quiet });
    const lock = await service.acquire('n', { ttl: 200 });
    await until(async () => (await connections(admin)).length === 2, { describe: 'our own connection' });
    await quit(client);
    for (const { call } of everyCall(service, () => {})) await unavailable(call());
    await until(async () => (await connections(admin)).length === 0, { describe: 'no connection of ours' });
    await until(() => lock.signal.aborted, { describe: 'the loss' });
    expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
  });

  it('a call that is under way is unavailable', async () => {
    await using server = await RedisServer.start();
    const client = server.client();
    await using service = await createLockService({ redis: client, commandTimeout: '1m', logger: quiet });
    await service.inspect('warm');
    await server.pause();
    const asking = unavailable(service.acquire('n'));
    await until(() => client.status === 'ready');
    client.disconnect();
    server.resume();
    await asking;
  });

  it('a client that was ended before the first lock gets no connection of ours beside it', async () => {
    await using server = await RedisServer.start();
    const admin = server.client();
    const client = server.client();
    await using service = await createLockService({ redis: client, logger: quiet });
    await quit(client);
    await unavailable(service.acquire('n'));
    // A connection that is opened now would be there after a few round trips of another.
    for (let round = 0; round < 20; round += 1) expect(await connections(admin)).toEqual([]);
  });

  it('a client that is connected again is used again, and messages are heard again', async () => {
    await using server = await RedisServer.start();
    const admin = server.client();
    const client = server.client();
    await using other = await createLockService({ redis: server.url, logger: quiet });
    await using service = await createLockService({ redis: client, logger: quiet });
    await (await service.acquire('warm')).release();
    await quit(client);
    await unavailable(service.acquire('n'));
    await client.connect();
    const lock = await other.acquire('n');
    const waiting = service.acquire('n');
    waiting.catch(() => {});
    await until(async () => (await admin.hvals('lock:{n}:waiter'))[0]?.endsWith(' 1'), {
      describe: 'a waiter that hears',
    });
    await lock.release();
    expect(await (await waiting).release()).toBe(true);
  });
});

describe('the client answers something else', () => {
  const redis = useRedis();

  it('a client in the middle of a MULTI of the application gives no lock', async () => {
    const client = redis.server.client();
    const namespace = unique('ns');
    await using service = await createLockService({ redis: client, namespace, commandTimeout: 500, logger: quiet });
    await (await service.acquire('warm')).release();
    let ran = false;
    const calls = everyCall(service, () => {
      ran = true;
    });
    await client.multi({ pipeline: false });
    for (const { call } of calls) await unavailable(call());
    expect(ran).toBe(false);
    await client.exec();
    await until(async () => (await traces(redis.client, namespace)).length === 0, { describe: 'no trace' });
    expect(await (await service.acquire('run')).release()).toBe(true);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'QUEUED'],
    ['an empty list', []],
    ['a list of null', [null]],
    ['a list of words', ['OK']],
    ['half a grant', ['g 12']],
    ['a grant without a number', ['g x 1']],
    ['half a refusal', ['b 1000']],
    ['a list of lists', [[1], [2]]],
  ])('%s is no lock, and not busy', async (_, answer) => {
    const client = redis.server.client();
    const odd: RedisClient = Object.assign(Object.create(client), { evalsha: async () => answer });
    await using service = await createLockService({ redis: odd, commandTimeout: 500, logger: quiet });
    for (const mode of ['exclusive', 'shared'] as const) await unavailable(service.tryAcquire('n', { mode }));
  });
});

describe('the client is to reconnect on an error (reconnectOnError)', () => {
  it('it hears of READONLY, and so finds the new primary behind the same address', async () => {
    await using server = await RedisServer.start();
    const heard: string[] = [];
    const reconnectOnError = ({ message }: Error): boolean => {
      heard.push(message);
      return false;
    };
    const client = server.client({ reconnectOnError });
    await using service = await createLockService({ redis: client, logger: quiet });
    await (await service.acquire('warm')).release();
    await server.client().call('REPLICAOF', '127.0.0.1', await freePort());
    await unavailable(service.acquire('n'));
    expect(heard).toContainEqual(expect.stringMatching(/^READONLY/));
  });
});

describe('the connection breaks under a client', () => {
  const redis = useRedis();

  it.each([
    ['that tries each request once', { maxRetriesPerRequest: 0 }],
    ['that does not send again', { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 }],
    ['that queues nothing', { enableOfflineQueue: false, maxRetriesPerRequest: 0 }],
  ])('a call is unavailable, and what it may have locked is released: %s', async (_, options) => {
    const namespace = unique('ns');
    await using proxy = await TcpProxy.start(redis.server);
    const client = redis.server.client({ port: proxy.port, ...options });
    const logger = recordingLogger();
    await using service = await createLockService({ redis: client, namespace, commandTimeout: '20s', logger });
    await (await service.acquire('warm')).release();
    const cut = proxy.resetAfterNextRequest('acquire');
    const asking = unavailable(service.acquire('n'));
    await cut;
    expect((await asking).uncertain).toBe(true);
    await until(async () => (await traces(redis.client, namespace)).length === 0, { describe: 'no trace' });
    expect(await (await service.acquire('n')).release()).toBe(true);
    expect(logger.lines).toEqual([]);
  });
});
