import { describe, expect, it, vi } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { FaultyStore } from '../support/faulty-store.js';
import { freePort } from '../support/free-port.js';
import { unique, useRedis } from '../support/redis.js';
import { inTests, quiet } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const redis = useRedis();

describe('F28: a try beside a waiter of the same process', () => {
  it.each(['tryRun', 'tryAcquire', 'acquire'] as const)('is not "busy" when Redis is away (%s)', async (how) => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    await using locks = await createLockService({ redis: url, commandTimeout: 300, logger: quiet });
    const name = unique('job');
    const waiter = locks.run(name, { wait: '1m' }, () => {}).catch((error: unknown) => error);
    const tried =
      how === 'tryRun'
        ? locks.tryRun(name, () => {})
        : how === 'tryAcquire'
          ? locks.tryAcquire(name)
          : locks.acquire(name, { wait: 0 });
    await expect(tried).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(await waiter).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it('is not "busy" when Redis has gone away since it said so', async () => {
    await using network = await TcpProxy.start(redis.server);
    await using locks = await createLockService({ redis: network.url, commandTimeout: 300, logger: quiet });
    await using other = await createLockService({ redis: redis.url, logger: quiet });
    const name = unique('job');
    await using _ = await other.acquire(name);
    const waiter = locks.acquire(name, { wait: '1m' }).catch((error: unknown) => error);
    await until(async () => (await other.inspect(name)).waiting.length === 1);
    expect(await locks.tryAcquire(name)).toBeNull();
    network.refuseConnections();
    network.resetAll();
    await until(async () => {
      const tried = await locks.tryAcquire(name).catch((error: { code: string }) => error.code);
      return tried === 'LOCK_UNAVAILABLE';
    });
    expect(await waiter).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it('is "busy" when this process holds the lock itself, whatever became of Redis', async () => {
    await using network = await TcpProxy.start(redis.server);
    await using locks = await createLockService({ redis: network.url, commandTimeout: 300, logger: quiet });
    const name = unique('job');
    await using _ = await locks.acquire(name, { ttl: '1m' });
    network.refuseConnections();
    network.resetAll();
    expect(await locks.tryAcquire(name)).toBeNull();
    await network.acceptConnections();
  });
});

describe('F28: a try beside a waiter that asks seldom', () => {
  useFakeTime();

  it('asks for itself when it is two seconds ago that the store has said "busy"', async () => {
    const faulty = new FaultyStore();
    // The store tells it when it is its turn, and keeps it for long.
    faulty.faults.acquire = async (call) => ({ ...(await call()), aliveFor: 30_000 });
    const options = { ...inTests };
    await using locks = await createLockService({ store: faulty.store, ...options });
    await using other = await createLockService({ store: faulty.sound, ...options });
    await other.acquire('job', { ttl: '1h' });
    const waiter = locks.acquire('job', { wait: '1m' });
    waiter.catch(() => {});
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await locks.tryAcquire('job')).toBeNull();
    expect(faulty.count('acquire')).toBe(1);
    await vi.advanceTimersByTimeAsync(1_500);
    faulty.faults.acquire = () => Promise.reject(new Error('away'));
    await expect(locks.tryAcquire('job')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(faulty.count('acquire')).toBe(2);
  });
});
