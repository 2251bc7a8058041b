import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createLockService, type LockOptions, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { inTests } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const PATIENT = { ttl: '1h', wait: '20s' } as const;

const MODES: [string, LockOptions][] = [
  ['exclusive', {}],
  ['shared', { mode: 'shared' }],
  ['a permit', { mode: 'shared', permits: 1 }],
];

describe('trap 15: a command is sent again after a reconnect', () => {
  const redis = useRedis();

  /** A service whose replies can be lost, and one on a way of its own. */
  async function scene() {
    const namespace = unique('ns');
    const proxy = await TcpProxy.start(redis.server);
    const common = { namespace, ...inTests };
    const service = await createLockService({ ...common, redis: proxy.url, instance: 'cut' });
    const other = await createLockService({ ...common, redis: redis.url, instance: 'other' });
    for (const each of [service, other]) await ready(each, redis.client, namespace);
    const name = unique('lock');
    const holders = async () => (await other.inspect(name)).holders.map(({ instance }) => instance);
    const waiting = async () => (await other.inspect(name)).waiting.map(({ instance }) => instance);
    const close = async () => {
      proxy.release();
      await proxy.acceptConnections();
      await Promise.all([service.close(), other.close()]);
      proxy.stop();
    };
    return { proxy, service, other, name, namespace, holders, waiting, [Symbol.asyncDispose]: close };
  }

  /** Redis runs the command, its reply is lost, and the connection comes back when the test says so. */
  async function cutAt(proxy: TcpProxy, command: string): Promise<void> {
    proxy.refuseConnections();
    await proxy.resetAfterNextRequest(`${command} `);
  }

  describe.each(MODES)('acquire (%s)', (_, mode) => {
    it('of a free lock: we have it, once, with the token of the first time', async () => {
      await using at = await scene();
      const cut = cutAt(at.proxy, 'acquire');
      const wish = at.service.acquire(at.name, { ...PATIENT, ...mode });
      await cut;
      const { holders } = await at.other.inspect(at.name);
      expect(holders).toHaveLength(1);
      await at.proxy.acceptConnections();
      const lock = await wish;
      expect(lock.fencingToken).toBe(holders[0]?.token);
      expect(await at.holders()).toEqual(['cut']);
      expect(await lock.release()).toBe(true);
      expect(await at.holders()).toEqual([]);
    });

    it('that does not wait is not refused because of itself', async () => {
      await using at = await scene();
      const cut = cutAt(at.proxy, 'acquire');
      const wish = at.service.tryAcquire(at.name, mode);
      await cut;
      await at.proxy.acceptConnections();
      expect((await wish)?.held).toBe(true);
    });

    it('with somebody waiting behind it: we have it, and they have it next', async () => {
      await using at = await scene();
      const cut = cutAt(at.proxy, 'acquire');
      const wish = at.service.acquire(at.name, { ...PATIENT, ...mode });
      await cut;
      const next = at.other.acquire(at.name, PATIENT);
      await until(async () => (await at.waiting()).length === 1);
      await at.proxy.acceptConnections();
      const lock = await wish;
      expect(await at.holders()).toEqual(['cut']);
      expect(await lock.release()).toBe(true);
      expect((await next).fencingToken).toBeGreaterThan(lock.fencingToken);
    });

    it('of a busy lock: we stand in the queue once, in the place of the first time', async () => {
      await using at = await scene();
      const held = await at.other.acquire(at.name, PATIENT);
      const cut = cutAt(at.proxy, 'acquire');
      const wish = at.service.acquire(at.name, { ...PATIENT, ...mode });
      await cut;
      const later = at.other.acquire(at.name, PATIENT);
      await until(async () => (await at.waiting()).length === 2);
      const again = at.proxy.seen('acquire ');
      await at.proxy.acceptConnections();
      await again;
      // What is sent after it is answered after it.
      await at.service.run(unique('afterwards'), async () => {});
      expect(await at.waiting()).toEqual(['cut', 'other']);
      await held.release();
      const lock = await wish;
      expect(await at.holders()).toEqual(['cut']);
      expect(await lock.release()).toBe(true);
      expect((await later).held).toBe(true);
    });
  });

  it.each(MODES)('renew (%s): the lock is kept, by the same lease', async (_, mode) => {
    await using at = await scene();
    const lock = await at.service.acquire(at.name, { ...mode, ttl: 4_000 });
    const { signal } = lock;
    await at.proxy.resetAfterNextRequest('renew ');
    await at.proxy.seen('renew ');
    await until(() => lock.remaining() > 3_000 || signal.aborted);
    expect(signal.aborted).toBe(false);
    const { holders } = await at.other.inspect(at.name);
    expect(holders).toMatchObject([{ instance: 'cut', token: lock.fencingToken }]);
    expect(holders[0]?.remaining).toBeGreaterThanOrEqual(lock.remaining() - 1);
    expect(await lock.release()).toBe(true);
  });

  it('extend: the lease is as long as was asked for', async () => {
    await using at = await scene();
    const lock = await at.service.acquire(at.name, { ttl: 60_000 });
    const cut = at.proxy.resetAfterNextRequest('renew ');
    await Promise.all([cut, lock.extend('1h')]);
    expect(lock.remaining()).toBeGreaterThan(3_500_000);
    expect((await at.other.inspect(at.name)).holders[0]?.remaining).toBeGreaterThan(3_500_000);
  });

  describe.each(MODES)('release (%s)', (_, mode) => {
    it('says that the lock was ours until now, and it is free', async () => {
      await using at = await scene();
      const lock = await at.service.acquire(at.name, { ...PATIENT, ...mode });
      const cut = at.proxy.resetAfterNextRequest('release ');
      expect(await lock.release()).toBe(true);
      await cut;
      expect(await at.holders()).toEqual([]);
    });

    it('with somebody waiting: true for us, and they keep what the first time gave them', async () => {
      await using at = await scene();
      const lock = await at.service.acquire(at.name, { ...PATIENT, ...mode });
      const next = at.other.acquire(at.name, PATIENT);
      await until(async () => (await at.waiting()).length === 1);
      const cut = cutAt(at.proxy, 'release');
      const released = lock.release();
      await cut;
      const theirs = await next;
      await at.proxy.acceptConnections();
      expect(await released).toBe(true);
      // What is sent after it is answered after it.
      await at.service.run(unique('afterwards'), async () => {});
      expect(theirs.held).toBe(true);
      expect(await at.holders()).toEqual(['other']);
      expect(await theirs.release()).toBe(true);
    });

    it('with holdAtLeast: true, and it is kept back for as long as it was', async () => {
      await using at = await scene();
      const lock = await at.service.acquire(at.name, { ...PATIENT, ...mode, holdAtLeast: '1h' });
      const cut = at.proxy.resetAfterNextRequest('release ');
      expect(await lock.release()).toBe(true);
      await cut;
      const { holders } = await at.other.inspect(at.name);
      expect(holders).toMatchObject([{ instance: 'cut', retained: true }]);
      expect(holders[0]?.remaining).toBeGreaterThan(3_500_000);
    });

    it('a body that ended well is no loss', async () => {
      await using at = await scene();
      const cut = at.proxy.resetAfterNextRequest('release ');
      expect(await at.service.run(at.name, { ...PATIENT, ...mode }, async () => 'receipt')).toBe('receipt');
      await cut;
    });
  });

  it('withdraw: a waiter that gave up is gone, and nobody else', async () => {
    await using at = await scene();
    const held = await at.other.acquire(at.name, PATIENT);
    const giveUp = new AbortController();
    const wish = at.service.acquire(at.name, { ...PATIENT, signal: giveUp.signal });
    await until(async () => (await at.waiting()).length === 1);
    const cut = at.proxy.resetAfterNextRequest('withdraw ');
    giveUp.abort(new Error('enough'));
    await expect(wish).rejects.toThrow('enough');
    await cut;
    await at.service.run(unique('afterwards'), async () => {});
    expect([await at.holders(), await at.waiting()]).toEqual([['other'], []]);
    expect(await held.release()).toBe(true);
  });

  it('force: whoever came next is not thrown out by the second time', async () => {
    await using at = await scene();
    await at.other.acquire(at.name, PATIENT);
    const next = at.other.acquire(at.name, PATIENT);
    await until(async () => (await at.waiting()).length === 1);
    const cut = cutAt(at.proxy, 'force');
    const forced = at.service.forceRelease(at.name);
    await cut;
    const theirs = await next;
    await at.proxy.acceptConnections();
    await forced;
    expect(theirs.held).toBe(true);
    expect((await at.other.inspect(at.name)).holders).toMatchObject([{ token: theirs.fencingToken }]);
  });

  it.each([
    ['is not sent again', { autoResendUnfulfilledCommands: false }],
    ['is not even kept', { maxRetriesPerRequest: 0 }],
  ])('with a client by which a command %s, acquire says so and leaves nothing behind', async (_, options) => {
    await using proxy = await TcpProxy.start(redis.server);
    const client = redis.server.client({ port: proxy.port, ...options });
    const common = { namespace: unique('ns'), ...inTests };
    await using service = await createLockService({ ...common, redis: client });
    await using other = await createLockService({ ...common, redis: redis.url });
    await ready(service, redis.client, common.namespace);
    const cut = proxy.resetAfterNextRequest('acquire ');
    const error = await service.acquire('lock', PATIENT).catch((thrown: unknown) => thrown);
    await cut;
    expect(error).toMatchObject({ code: 'LOCK_UNAVAILABLE', uncertain: true });
    expect((await other.acquire('lock', PATIENT)).held).toBe(true);
  });
});

/** Redis knows the script, so that commands go by hash; and the service hears its messages. */
async function ready(service: LockService, client: Redis, namespace: string): Promise<void> {
  const channels = async () => (await client.pubsub('CHANNELS', `${namespace}:wake:*`)) as string[];
  const before = (await channels()).length;
  await service.run(unique('warm-up'), async () => {});
  await until(async () => (await channels()).length > before);
  await service.run(unique('warm-up'), async () => {});
}
