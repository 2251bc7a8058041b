import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type LockOptions } from '../../lib/index.js';
import { Child } from '../support/child.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, inTests } from '../support/stores.js';

const TTL = 1_000;
// Both clocks count whole milliseconds.
const ROUNDING = 5;
const forEver = { ttl: '1h', wait: Number.POSITIVE_INFINITY } as const;

describe('trap 29: waiters wake up by events of expiry', () => {
  // Nothing expires by itself here: no such event ever comes.
  const redis = useRedis({ args: ['--enable-debug-command', 'yes'] });
  beforeAll(async () => {
    await redis.client.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  });

  it('the server of this test expires nothing unless somebody looks', async () => {
    const key = unique('key');
    const before = await redis.client.dbsize();
    await redis.client.set(key, 'value', 'PX', 1);
    await setTimeout(500);
    expect(await redis.client.dbsize()).toBe(before + 1);
    expect(await redis.client.get(key)).toBeNull();
  });

  it.each<[string, LockOptions]>([
    ['an exclusive holder', {}],
    ['a shared holder', { mode: 'shared' }],
  ])('a waiter gets the lock of %s that was killed, when its lease has ended', async (_holder, options) => {
    const shared = { redis: redis.url, namespace: unique('ns') };
    await using waiter = await createLockService({ ...shared, ...inTests });
    await using holder = await Child.start(shared);
    const since = performance.now();
    const { fencingToken } = await holder.call('acquire', { name: 'a', options: { ...options, ttl: TTL } });
    const wish = waiter.acquire('a', forEver);
    await until(async () => (await waiter.inspect('a')).waiting.length === 1);
    await holder.kill('SIGKILL');

    const lock = await wish;

    expect(performance.now() - since).toBeGreaterThanOrEqual(TTL - ROUNDING);
    expect(lock.fencingToken).toBeGreaterThan(fencingToken);
  });

  it('no service switches the events on or listens for them', async () => {
    const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
    await using holder = await createLockService(options);
    await using waiter = await createLockService(options);
    await holder.acquire('a');
    void waiter.acquire('a', forEver).catch(() => {});
    await until(async () => (await holder.inspect('a')).waiting.length === 1);
    await until(async () => (await redis.client.pubsub('CHANNELS', `${options.namespace}:*`)).length === 2);

    expect(await redis.client.config('GET', 'notify-keyspace-events')).toEqual(['notify-keyspace-events', '']);
    expect(await redis.client.pubsub('CHANNELS', '__key*')).toEqual([]);
    expect(await redis.client.pubsub('NUMPAT')).toBe(0);
  });

  describe.each(bothStores(redis))('in $name', (store) => {
    it.each<[string, LockOptions, boolean]>([
      ['a lease that nobody renews has ended', { ttl: TTL, renew: false }, false],
      ['renewal has ended after `maxHold`', { ttl: 400, maxHold: TTL }, false],
      ['the time of `holdAtLeast` is over', { ttl: '1h', holdAtLeast: TTL }, true],
      ['the time of `holdAtLeast` of a shared lock is over', { ttl: '1h', mode: 'shared', holdAtLeast: TTL }, true],
    ])('a waiter gets the lock when %s', async (_when, options, release) => {
      const shared = store.shared();
      await using holder = await createLockService(shared);
      await using waiter = await createLockService(shared);
      const since = performance.now();
      const lock = await holder.acquire('a', options);
      const wish = waiter.acquire('a', forEver);
      await until(async () => (await holder.inspect('a')).waiting.length === 1);
      if (release) await lock.release();

      expect((await wish).held).toBe(true);
      expect(performance.now() - since).toBeGreaterThanOrEqual(TTL - ROUNDING);
    });
  });
});
