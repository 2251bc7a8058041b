import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLockService, type LockModuleOptions, type RedisClient } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

/** Until the end of the test. */
function owned<T extends { disconnect(): void; on(event: 'error', listener: () => void): unknown }>(client: T): T {
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function service(redis: RedisClient, options: Partial<LockModuleOptions>) {
  const made = await createLockService({ redis, shutdownGrace: 0, ...options } as LockModuleOptions);
  onTestFinished(() => made.close());
  return made;
}

describe('A client of ioredis 5', () => {
  const redis = useRedis();
  const connect = (port = redis.server.port) => owned(new Redis5(port, '127.0.0.1'));

  it('is one, and not of version 6', async () => {
    const client = connect();
    await client.ping();
    expect(client).not.toBeInstanceOf((await import('ioredis')).Redis);
  });

  it('carries all operations', async () => {
    const namespace = unique('five');
    const locks = await service(connect(), { namespace, instance: 'five' });
    const lock = await locks.acquire(['a', 'b'], { ttl: '1m' });
    expect(lock.names).toEqual(['a', 'b']);
    await lock.extend('2m');
    expect(lock.remaining()).toBeGreaterThan(60_000);
    expect(await locks.tryAcquire('b')).toBeNull();
    expect((await locks.inspect('a')).holders).toMatchObject([{ instance: 'five', token: lock.fencingToken }]);
    expect(await locks.forceRelease('a')).toBe(true);
    await until(() => lock.signal.aborted);
    expect(await lock.release()).toBe(false);
    await using shared = await locks.acquire('a', { mode: 'shared', permits: 2 });
    expect(shared.fencingToken).toBeGreaterThan(lock.fencingToken);
  });

  it('shares locks with one of version 6, and is woken by its release', async () => {
    const namespace = unique('five');
    const five = await service(connect(), { namespace });
    const six = await service(redis.server.client(), { namespace });
    const held = await six.acquire('a', { ttl: '1h' });
    const waiting = five.acquire('a', { wait: '1m' });
    await until(async () => (await six.inspect('a')).waiting.length === 1);
    await held.release();
    await using granted = await waiting;
    expect(granted.fencingToken).toBeGreaterThan(held.fencingToken);
  });

  it('keeps its lock over a lost connection, and over a command that is sent twice', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const locks = await service(connect(proxy.port), { namespace: unique('five') });
    const cut = proxy.resetAfterNextRequest('acquire');
    const lock = await locks.acquire('a');
    await cut;
    expect(lock.held).toBe(true);
    await lock.extend();
    expect(await lock.release()).toBe(true);
  });

  it('is told by an error when its server is gone, and works again once that is back', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const locks = await service(connect(proxy.port), { namespace: unique('five'), commandTimeout: 200 });
    await locks.run('a', async () => {});
    proxy.refuseConnections();
    proxy.resetAll();
    await expect(locks.acquire('a')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await proxy.acceptConnections();
    await until(() => locks.run('a', async () => true).catch(() => false));
  });

  it('stays open when the service closes', async () => {
    const client = connect();
    const locks = await service(client, { namespace: unique('five') });
    await locks.run('a', async () => {});
    await locks.close();
    expect(await client.ping()).toBe('PONG');
  });

  it('may be a Cluster', async () => {
    const cluster = await RedisCluster.start();
    onTestFinished(() => cluster.stop());
    const client = owned(new Cluster5(cluster.addresses));
    const options = { namespace: unique('five') };
    const five = await service(client, options);
    const six = await service(cluster.client(), options);
    const held = await five.acquire(['a', 'b', 'c', 'd'], { ttl: '1h' });
    expect(await six.tryAcquire('c')).toBeNull();
    const waiting = six.acquire('d', { wait: '1m' });
    await until(async () => (await five.inspect('d')).waiting.length === 1);
    expect(await held.release()).toBe(true);
    expect(await (await waiting).release()).toBe(true);
  });
});
