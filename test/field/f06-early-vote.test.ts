import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLockService, type LockService } from '../../lib/index.js';
import { readIntroduction } from '../../lib/stores/redis/quorum/introduction.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { unique } from '../support/redis.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import { RedisServer } from '../support/redis-server.js';
import { inTests } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const TTL_MS = 2_000;

describe('F6: what a server says of its start', () => {
  it('is never taken for more than it is, wherever the start and the answer lie within a second', () => {
    const micros = fc.integer({ min: 0, max: 3_000_000 });
    const property = fc.property(micros, micros, fc.integer({ min: 0, max: 10_000 }), (start, later, behind) => {
      const now = 1_700_000_000_000_000 + start + later;
      // It keeps the second of its start by a clock that may be a step behind.
      const startSecond = Math.floor((1_700_000_000_000_000 + start - behind) / 1_000_000);
      const seconds = Math.floor(now / 1_000_000) - startSecond;
      const told = `run_id:abc\r\nserver_time_usec:${now}\r\nuptime_in_seconds:${seconds}\r\n`;
      for (const info of [told, told.replace(/server_time_usec:\d+\r\n/, '')]) {
        const { runId, up } = readIntroduction(info) ?? {};
        expect(runId).toBe('abc');
        expect(up).toBeLessThanOrEqual(later / 1_000);
        expect(up).toBeGreaterThanOrEqual(0);
        expect(up).toBeGreaterThan(later / 1_000 - 2_100);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('is nothing where it does not tell, and no time where its clock was set back', () => {
    expect(readIntroduction('redis_version:7.0.15\r\n')).toBeUndefined();
    expect(readIntroduction(null)).toBeUndefined();
    expect(readIntroduction('uptime_in_seconds:-3600\r\n')).toEqual({ runId: undefined, up: 0 });
  });
});

describe('F6: a server that may have forgotten what it granted has no vote for the longest lease', () => {
  let servers: RedisQuorum;
  let network: TcpProxy;
  let locks: LockService;
  beforeAll(async () => {
    servers = await RedisQuorum.start(2);
  });
  beforeEach(async () => {
    await servers.up(3);
    network = await TcpProxy.start(servers.servers[1]!);
  });
  afterEach(async () => {
    await locks.close();
    network.stop();
  });
  afterAll(() => servers.stop());

  /** One server, one that is away, and one behind the network: nothing is granted without the vote of that. */
  async function service(third = network.url): Promise<LockService> {
    const away = `redis://127.0.0.1:${await freePort()}`;
    const quorum = [servers.urls[0]!, away, third];
    const defaults = { ttl: TTL_MS };
    locks = await createLockService({ quorum, namespace: unique('ns'), defaults, commandTimeout: '20s', ...inTests });
    return locks;
  }

  it('after its start, which it tells in whole seconds', async () => {
    // Shortly before the end of a second, so that it soon says that it has been up for one.
    const second = Math.floor(Date.now() / 1_000);
    await until(() => Date.now() / 1_000 > second + 1.85);
    const before = performance.now();
    await using back = await RedisServer.start();
    await (await service(back.url)).acquire('job');
    expect(performance.now() - before).toBeGreaterThan(TTL_MS);
  });

  it('although it has been up for long, where it has come in the place of another', async () => {
    await service();
    const lock = await locks.acquire('job');
    await lock.release();
    await using other = await RedisServer.start();
    await until(async () => /uptime_in_seconds:(?:[4-9]|\d\d)/.test(await other.client().info('server')));
    network.leadTo(other);
    const before = performance.now();
    network.resetAll();
    await locks.acquire('job');
    expect(performance.now() - before).toBeGreaterThan(TTL_MS);
  });

  it('although it had one when the vote was asked for', async () => {
    await service();
    await (await locks.acquire('job')).release();
    network.holdRequests();
    const asked = network.seen('acquire ');
    const acquired = locks.acquire('job');
    await asked;
    const before = performance.now();
    await servers.servers[1]!.restart();
    // The client sends it again, and the server grants it.
    network.resetAll();
    network.release();
    await acquired;
    expect(performance.now() - before).toBeGreaterThan(TTL_MS);
  });

  it('and has it at once where only the connection broke', async () => {
    await service();
    const first = await locks.acquire('job', { ttl: TTL_MS / 2 });
    network.resetAll();
    await until(() => network.connections >= 2);
    expect(await first.release()).toBe(true);
    const again = await locks.acquire('job');
    expect(again.fencingToken).toBeGreaterThan(first.fencingToken);
  });
});
