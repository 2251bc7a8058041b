import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createLockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';
import { hears, recordingLogger } from '../../support/redis-observe.js';
import { setUser } from '../../support/redis-rule.js';
import { connections } from '../../support/redis-scenario.js';
import { RedisServer } from '../../support/redis-server.js';
import { inTests } from '../../support/stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const subscribers = async (admin: Redis) => (await connections(admin)).filter((line) => / sub=[1-9]/.test(line));

describe('the wake channel', () => {
  const redis = useRedis();

  it('is opened by the first lock, not before, and once', async () => {
    await using server = await RedisServer.start();
    const admin = server.client();
    await using service = await createLockService({ redis: server.url, ...inTests });
    await service.inspect('n');
    expect(await service.forceRelease('n')).toBe(false);
    expect(await connections(admin)).toHaveLength(1);
    for (let round = 0; round < 3; round += 1) await (await service.acquire(`n${round}`)).release();
    await until(async () => (await subscribers(admin)).length === 1, { describe: 'the subscriber' });
    await Promise.all(Array.from({ length: 20 }, async (_, index) => (await service.acquire(`n${index}`)).release()));
    expect(await subscribers(admin)).toHaveLength(1);
    expect(await connections(admin)).toHaveLength(2);
    expect(await admin.pubsub('CHANNELS', '*')).toHaveLength(1);
  });

  it('goes when the service closes, and a client that was handed in stays', async () => {
    await using server = await RedisServer.start();
    const admin = server.client();
    const client = server.client();
    const service = await createLockService({ redis: client, ...inTests });
    await service.acquire('n');
    await until(async () => (await subscribers(admin)).length === 1, { describe: 'the subscriber' });
    await service.close();
    await until(async () => (await connections(admin)).length === 1, { describe: 'the subscriber to go' });
    expect(await client.ping()).toBe('PONG');
  });

  it.each(['the service closes', 'the connection breaks'])(
    'that cannot be opened because %s is not blamed on the rights',
    async (reason) => {
      const namespace = unique('ns');
      const logger = recordingLogger();
      await using proxy = await TcpProxy.start(redis.server);
      const client = redis.server.client();
      client.duplicate = () => redis.server.client({ port: proxy.port, maxRetriesPerRequest: 0 });
      const service = await createLockService({ redis: client, namespace, logger });
      const subscribing = proxy.seen('subscribe').then(() => proxy.holdReplies());
      await (await service.acquire('n')).release();
      await subscribing;
      if (reason === 'the service closes') await service.close();
      proxy.resetAll();
      proxy.release();
      if (reason === 'the connection breaks') {
        const channels = async () => (await redis.client.pubsub('CHANNELS', `${namespace}:*`)) as string[];
        await until(async () => (await channels()).length === 1, { describe: 'another subscription' });
        await service.close();
      }
      await until(() => proxy.connections === 0, { describe: 'the end of the connection' });
      expect(logger.lines).toEqual([]);
    },
  );

  it('a user without the right to it gets the lock by asking again, and is warned once', async () => {
    await using server = await RedisServer.start();
    const admin = server.client();
    await setUser(admin, 'app', ['on', '>secret', '~*', 'resetchannels', '+@all']);
    const logger = recordingLogger();
    const url = server.urlAs('app', 'secret');
    await using holder = await createLockService({ redis: server.url, ...inTests });
    await using service = await createLockService({ redis: url, namespace: 'lock', logger });
    const lock = await holder.acquire('n');
    const waiting = service.acquire('n');
    await until(() => admin.hlen('lock:{n}:waiter'), { describe: 'a waiter' });
    await until(() => logger.lines.length > 0, { describe: 'the warning' });
    expect(await hears(admin, 'lock:{n}')).toBe(false);
    await lock.release();
    expect(await (await waiting).release()).toBe(true);

    // It connects anew, and is refused anew.
    const refusals = async () => {
      const log = (await admin.call('ACL', 'LOG')) as string[][];
      const entry = log.find((words) => words.includes('channel'));
      return Number(entry?.[entry.indexOf('count') + 1] ?? 0);
    };
    const before = await refusals();
    await admin.call('CLIENT', 'KILL', 'USER', 'app');
    await until(async () => (await refusals()) > before, { describe: 'another refusal' });
    expect(await (await service.acquire('n')).release()).toBe(true);
    expect(logger.lines).toEqual([expect.stringMatching(/^The channel lock:wake:\* cannot be subscribed to \(NOPERM/)]);
  });

  it('that breaks while somebody waits is opened again, and hears again', async () => {
    const namespace = unique('ns');
    const key = `${namespace}:{n}`;
    await using server = await RedisServer.start();
    const admin = server.client();
    await using holder = await createLockService({ redis: server.url, namespace, ...inTests });
    await using service = await createLockService({ redis: server.url, namespace, ...inTests });
    const lock = await holder.acquire('n');
    const waiting = service.acquire('n', { wait: '1m' });
    for (let break_ = 0; break_ < 3; break_ += 1) {
      await until(() => hears(admin, key), { describe: 'a waiter that hears' });
      const before = (await admin.hvals(`${key}:waiter`))[0]!;
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      const asked = async () => (await admin.hvals(`${key}:waiter`))[0] !== before && (await hears(admin, key));
      await until(asked, { describe: 'the waiter to ask again' });
    }
    await lock.release();
    expect(await (await waiting).release()).toBe(true);
    await until(async () => (await subscribers(admin)).length === 2, { describe: 'both subscribers' });
  });

  it('that is closed while it is opened again leaves no rejection that nobody hears', async () => {
    const unheard: unknown[] = [];
    const hear = (reason: unknown): void => void unheard.push(reason);
    process.on('unhandledRejection', hear);
    await using proxy = await TcpProxy.start(redis.server);
    const service = await createLockService({ redis: proxy.url, namespace: unique('ns'), ...inTests });
    const first = proxy.seen('subscribe');
    await (await service.acquire('n')).release();
    await first;
    await until(async () => (await subscribers(redis.client)).length > 0, { describe: 'the subscriber' });
    const again = proxy.seen('subscribe').then(() => proxy.holdReplies());
    proxy.resetAll();
    await again;
    await service.close();
    proxy.stop();
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    process.off('unhandledRejection', hear);
    expect(unheard).toEqual([]);
  });

  it('a grant that was made while nobody heard it is found by asking', async () => {
    const namespace = unique('ns');
    await using proxy = await TcpProxy.start(redis.server);
    await using holder = await createLockService({ redis: redis.url, namespace, ...inTests });
    // The messages go through the proxy, the commands do not.
    const client = redis.server.client();
    client.duplicate = () => redis.server.client({ port: proxy.port });
    await using service = await createLockService({ redis: client, namespace, ...inTests });
    const lock = await holder.acquire('n');
    const waiting = service.acquire('n');
    await until(() => hears(redis.client, `${namespace}:{n}`), { describe: 'a waiter that hears' });
    proxy.holdReplies();
    await lock.release();
    await proxy.heldReply(); // the message that the lock is the waiter's
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    proxy.release();
    expect(await next.release()).toBe(true);
  });

  it('a hold that is ended by force before its answer has come is not taken for ours', async () => {
    const namespace = unique('ns');
    await using proxy = await TcpProxy.start(redis.server);
    await using other = await createLockService({ redis: redis.url, namespace, ...inTests });
    // The commands go through the proxy, the messages do not.
    const client = redis.server.client({ port: proxy.port });
    client.duplicate = () => redis.server.client();
    await using service = await createLockService({ redis: client, namespace, ...inTests });
    await (await service.acquire('warm')).release();
    await until(async () => ((await redis.client.pubsub('CHANNELS', `${namespace}:*`)) as string[]).length > 0);
    proxy.holdReplies();
    const asking = service.acquire('n', { wait: '20s' });
    await proxy.heldReply();
    expect(await other.forceRelease('n')).toBe(true);
    const theirs = await other.acquire('n');
    proxy.release();

    // It may be told that it is lost, or stand in line; it may not be held beside the other.
    let outcome: string | undefined;
    const settled = asking.then(({ held }) => {
      outcome = held && theirs.held ? 'two holders' : 'one holder';
    });
    const stands = async () => outcome !== undefined || (await redis.client.hlen(`${namespace}:{n}:waiter`)) > 0;
    await until(stands, { describe: 'an answer or a place in the queue' });
    await theirs.release();
    await settled;
    expect(outcome).toBe('one holder');
  });

  it.each([
    '',
    ' ',
    'x',
    'SEQ',
    'SEQ x',
    'SEQ ATTEMPT',
    'SEQ ATTEMPT x',
    'SEQ ATTEMPT 1',
    '999 ATTEMPT 1 1 0',
    'SEQ ?',
  ])('what is no whole message for somebody who waits is no lock: "%s"', async (message) => {
    const namespace = unique('ns');
    const key = `${namespace}:{n}`;
    await using holder = await createLockService({ redis: redis.url, namespace, ...inTests });
    await using service = await createLockService({ redis: redis.url, namespace, ...inTests });
    await holder.acquire('n');
    let outcome = 'waits';
    const waiting = service.acquire('n').then(
      () => {
        outcome = 'has it';
      },
      () => {},
    );
    await until(() => hears(redis.client, key), { describe: 'a waiter that hears' });
    const [[owner, waiter]] = Object.entries(await redis.client.hgetall(`${key}:waiter`)) as [[string, string]];
    const [instance, seq] = owner.split('#') as [string, string];
    const attempt = waiter.split(' ')[1]!;
    const text = message.replace('SEQ', seq).replace('ATTEMPT', attempt);
    expect(await redis.client.publish(`${namespace}:wake:${instance}`, text)).toBe(1);
    for (let round = 0; round < 3; round += 1) await service.inspect('n');
    expect(outcome).toBe('waits');
    await service.close();
    await waiting;
  });
});
