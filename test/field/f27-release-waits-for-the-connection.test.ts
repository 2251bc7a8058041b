import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { quiet } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const redis = useRedis();

describe('F27: release() while the connection is being renewed', () => {
  it.each(['exclusive', 'shared'] as const)('waits for it, and tells the truth (%s)', async (mode) => {
    await using network = await TcpProxy.start(redis.server);
    await using locks = await createLockService({ redis: network.url, logger: quiet });
    await using other = await createLockService({ redis: redis.url, logger: quiet });
    const name = unique('job');
    const held = await locks.acquire(name, { ttl: '1m', mode });
    network.refuseConnections();
    network.resetAll();
    const released = held.release();
    // It says nothing as long as nothing is known.
    const said = await Promise.race([released, sleep(250, 'nothing yet')]);
    expect(said).toBe('nothing yet');
    await network.acceptConnections();
    expect(await released).toBe(true);
    await (await other.acquire(name, { wait: 0 })).release();
  });

  it('of several names waits for all of them', async () => {
    await using network = await TcpProxy.start(redis.server);
    await using locks = await createLockService({ redis: network.url, logger: quiet });
    const names = [unique('a'), unique('b')];
    const held = await locks.acquire(names, { ttl: '1m' });
    network.refuseConnections();
    network.resetAll();
    const released = held.release();
    await Promise.race([released, sleep(100)]);
    await network.acceptConnections();
    expect(await released).toBe(true);
  });

  it('rejects only when the lease has ended without an answer', async () => {
    const server = await RedisServer.start();
    await using locks = await createLockService({ redis: server.url, logger: quiet });
    const held = await locks.acquire(unique('job'), { ttl: '2s' });
    await server.stop();
    const released = held.release().catch((error: unknown) => error);
    expect(held.held).toBe(false);
    expect(await released).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it('does not hold up the outcome of a body, nor the end of a block', async () => {
    const server = await RedisServer.start();
    await using locks = await createLockService({ redis: server.url, logger: quiet });
    const result = await locks.run(unique('job'), { ttl: '10m' }, async () => {
      await using _ = await locks.acquire(unique('block'), { ttl: '10m' });
      await server.stop();
      return 'done';
    });
    expect(result).toBe('done');
  });
});
