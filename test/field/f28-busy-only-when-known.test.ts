import { describe, expect, it } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { unique, useRedis } from '../support/redis.js';
import { quiet } from '../support/stores.js';
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
