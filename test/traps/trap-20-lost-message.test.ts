import { describe, expect, it, vi } from 'vitest';
import { createLockService, type Lock, type LockModuleOptions, MemoryLockStore } from '../../lib/index.js';
import { Child } from '../support/child.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { StoreProxy } from '../support/store-proxy.js';
import { inTests, redisUnderTest } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

// Who sleeps until the lease ends sleeps longer than any test.
const forEver = { ttl: '1h', wait: Number.POSITIVE_INFINITY } as const;

describe('trap 20: a message is lost', () => {
  const redis = useRedis();

  it('a waiter whose subscription is cut at the release gets the lock when it is back', async () => {
    const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
    await using holder = await createLockService(options);
    await using waiter = await createLockService(options);
    const name = unique('lock');
    const lock = await holder.acquire(name, forEver);
    const wish = waiter.acquire(name, forEver);
    await until(() => isSureOfItsChannel(options.namespace, name));

    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await lock.release();

    expect((await wish).held).toBe(true);
  });

  it('a waiter whose message gets lost on the way finds out by asking', async () => {
    await using messages = await TcpProxy.start(redis.server);
    const options = { redis: clientWithMessagesOver(messages), namespace: unique('ns'), ...inTests };
    await using holder = await createLockService({ ...options, redis: redis.url });
    await using waiter = await createLockService(options);
    const name = unique('lock');
    const lock = await holder.acquire(name, forEver);
    const wish = waiter.acquire(name, forEver);
    await until(() => isSureOfItsChannel(options.namespace, name));

    messages.holdReplies();
    await lock.release();

    const next = await wish;
    expect(next.held).toBe(true);
    expect(next.remaining()).toBeGreaterThan(3_000_000);
  });

  it('a waiter whose subscription comes too late for the release finds out by asking', async () => {
    await using messages = await TcpProxy.start(redis.server);
    messages.holdRequests();
    const options = { redis: clientWithMessagesOver(messages), namespace: unique('ns'), ...inTests };
    await using holder = await createLockService({ ...options, redis: redis.url });
    await using waiter = await createLockService(options);
    const name = unique('lock');
    const lock = await holder.acquire(name, forEver);
    const wish = waiter.acquire(name, forEver);
    await until(async () => (await holder.inspect(name)).waiting.length === 1);

    await lock.release();

    const next = await wish;
    expect(next.held).toBe(true);
    expect(next.remaining()).toBeGreaterThan(3_000_000);
  });

  it('a waiter that was cut off altogether gets the lock when it is back', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
    await using holder = await createLockService(options);
    await using waiter = await createLockService({ ...options, redis: proxy.url, commandTimeout: '1m' });
    const name = unique('lock');
    const lock = await holder.acquire(name, forEver);
    const wish = waiter.acquire(name, forEver);
    await until(() => isSureOfItsChannel(options.namespace, name));

    proxy.refuseConnections();
    proxy.resetAll();
    await until(() => proxy.connections === 0);
    await lock.release();
    await proxy.acceptConnections();

    expect((await wish).held).toBe(true);
  });

  it('a waiter needs no message to have the lock of a holder that died', async () => {
    const options = { redis: redis.url, namespace: unique('ns') };
    const name = unique('lock');
    await using holder = await Child.start(options);
    await using waiter = await createLockService({ ...options, ...inTests });
    await holder.call('acquire', { name, options: { ttl: 1_000 } });
    await holder.kill('SIGKILL');

    expect((await waiter.acquire(name, forEver)).held).toBe(true);
  });

  it.each(['pubsub', 'normal'])('everybody is told to ask after each reconnect (%s)', async (connection) => {
    await using server = await RedisServer.start();
    const store = redisUnderTest({ server, url: server.url, client: server.client() });
    await using port = await store.port();
    let reconnects = 0;
    const deaf = { granted: () => {}, revoked: () => {}, nudged: () => {} };
    const unsubscribe = port.subscribe(unique('instance'), { ...deaf, reconnected: () => (reconnects += 1) });
    await until(async () => (await server.client().pubsub('CHANNELS', '*')).length === 1);
    for (let round = 0; round < 3; round += 1) {
      await until(() => reconnects > 0, { describe: 'the word that messages may have been lost' });
      reconnects = 0;
      await server.client().call('CLIENT', 'KILL', 'TYPE', connection, 'SKIPME', 'yes');
    }
    unsubscribe();
  });

  /** Whether the waiter of that lock has told Redis that a message which reaches nobody means that it is gone. */
  async function isSureOfItsChannel(namespace: string, name: string): Promise<boolean> {
    const waiters = await redis.client.hvals(`${namespace}:{${name}}:waiter`);
    return waiters.length === 1 && waiters[0]!.endsWith(' 1');
  }

  function clientWithMessagesOver(proxy: TcpProxy): NonNullable<LockModuleOptions['redis']> {
    const client = redis.server.client();
    client.duplicate = () => redis.server.client({ port: proxy.port });
    return client;
  }
});

describe('trap 20: a message is lost, whatever the store', () => {
  useFakeTime();

  it('a waiter asks again at a small fixed interval at the latest', async () => {
    const { lock, granted } = await deafWaiter({ ttl: '1h' });
    await lock.release();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(granted()).toBe(true);
  });

  it('a waiter asks again when the lease of the holder ends', async () => {
    const { granted } = await deafWaiter({ ttl: 400, renew: false });
    await vi.advanceTimersByTimeAsync(399);
    expect(granted()).toBe(false);
    await vi.advanceTimersByTimeAsync(10);
    expect(granted()).toBe(true);
  });

  it('a waiter asks again at once after a reconnect', async () => {
    const { lock, line, granted } = await deafWaiter({ ttl: '1h' });
    await lock.release();
    await vi.advanceTimersByTimeAsync(0);
    expect(granted()).toBe(false);
    line.reconnect();
    await vi.advanceTimersByTimeAsync(0);
    expect(granted()).toBe(true);
  });

  /** A lock that is held with these options, and somebody who waits for it and hears no message. */
  async function deafWaiter(options: { ttl: '1h' | number; renew?: boolean }): Promise<DeafWaiter> {
    const store = new MemoryLockStore();
    const line = new StoreProxy(store);
    line.loseMessages();
    const holder = await createLockService({ store, ...inTests });
    const waiter = await createLockService({ store: line.store, ...inTests });
    const name = unique('lock');
    const lock = await holder.acquire(name, options);
    let granted = false;
    void waiter.acquire(name, forEver).then(() => {
      granted = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    return { lock, line, granted: () => granted };
  }
});

interface DeafWaiter {
  lock: Lock;
  line: StoreProxy;
  granted(): boolean;
}
