import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type LockModuleOptions } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { recordingLogger } from '../support/redis-observe.js';
import { RedisQuorum } from '../support/redis-quorum.js';

interface Place {
  options: LockModuleOptions;
  /** Takes the key as another program does. */
  set(key: string, ttl?: number, text?: string): Promise<unknown>;
  del(key: string): Promise<unknown>;
}

const TEXT = 'cron on host 7';

describe('F53: a holder of another program', () => {
  const redis = useRedis();
  let cluster: RedisCluster;
  let quorum: RedisQuorum;
  beforeAll(async () => {
    [cluster, quorum] = await Promise.all([RedisCluster.start(), RedisQuorum.start()]);
    await quorum.up(2);
  });
  afterAll(() => Promise.all([cluster?.stop(), quorum?.stop()]));

  type Client = {
    set(...args: [string, string, ...(string | number)[]]): Promise<unknown>;
    del(key: string): Promise<unknown>;
  };
  const by = (clients: readonly unknown[], options: LockModuleOptions): Place => ({
    options,
    set: (key, ttl, text = TEXT) =>
      Promise.all(
        (clients as Client[]).map((client) => client.set(key, text, ...(ttl === undefined ? [] : ['PX', ttl]), 'NX')),
      ),
    del: (key) => Promise.all((clients as Client[]).map((client) => client.del(key))),
  });
  const places: [string, () => Place][] = [
    ['one server', () => by([redis.client], { redis: redis.url })],
    ['a Cluster', () => by([cluster.client()], { redis: cluster.client() })],
    [
      'a quorum',
      () =>
        by(
          quorum.servers.map((server) => server.client()),
          { quorum: quorum.urls, defaults: { ttl: '1s' } },
        ),
    ],
  ];

  describe.each(places)('on %s', (_, place) => {
    async function open() {
      const { options, ...rest } = place();
      const namespace = unique('ns');
      const logger = recordingLogger();
      const service = await createLockService({ ...options, namespace, logger, shutdownGrace: 0 });
      return { ...rest, service, logger, key: `${namespace}:{job}`, [Symbol.asyncDispose]: () => service.close() };
    }

    it.each([undefined, 3_600_000])('is told the same of by every call (ttl %s)', async (ttl) => {
      await using at = await open();
      await at.set(at.key, ttl);
      const lasts = ttl === undefined ? null : expect.closeTo(ttl, -5);
      for (const mode of ['exclusive', 'shared'] as const) {
        const busy = await at.service.acquire('job', { wait: 0, mode }).catch((error: unknown) => error);
        expect(busy).toMatchObject({ code: 'LOCK_BUSY', holders: [TEXT], retryAfter: lasts });
        expect(await at.service.tryAcquire('job', { mode })).toBeNull();
      }
      const state = await at.service.inspect('job');
      const holder = { instance: TEXT, mode: 'exclusive', token: null, since: null, remaining: lasts, retained: false };
      expect(state.holders).toEqual([holder]);
      expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      expect(await at.service.requestRelease('job')).toBe(true);
      expect(await at.service.forceRelease('job')).toBe(true);
      expect((await at.service.inspect('job')).holders).toEqual([]);
      expect(await at.service.requestRelease('job')).toBe(false);
    });

    it('is one also when what it wrote is empty', async () => {
      await using at = await open();
      await at.set(at.key, 3_600_000, '');
      const busy = await at.service.acquire('job', { wait: 0 }).catch((error: unknown) => error);
      expect(busy).toMatchObject({ code: 'LOCK_BUSY', holders: ['(empty)'] });
      expect((await at.service.inspect('job')).holders).toMatchObject([{ instance: '(empty)', token: null }]);
      expect(await at.service.requestRelease('job')).toBe(true);
      expect(await at.service.forceRelease('job')).toBe(true);
      expect(await at.service.tryAcquire('job')).toMatchObject({ held: true });
    });

    it('cannot be asked for a release, and a warning says so once', async () => {
      await using at = await open();
      const warnings = () => at.logger.lines.filter((line) => line.includes('another program'));
      await at.set(at.key);
      expect(await at.service.requestRelease('job')).toBe(true);
      expect(await at.service.requestRelease('job')).toBe(true);
      expect(warnings()).toHaveLength(1);
      expect(warnings()[0]).toContain('forceRelease');
    });

    it('is waited for, though nobody says that it has gone', async () => {
      await using at = await open();
      await at.set(at.key);
      const waiting = at.service.acquire('job', { wait: '25s' });
      await until(async () => (await at.service.inspect('job')).waiting.length === 1);
      await at.del(at.key);
      expect((await waiting).held).toBe(true);
    });
  });

  it('of another type than a string is an error, as ever', async () => {
    const namespace = unique('ns');
    await using service = await createLockService({ redis: redis.url, namespace, logger: recordingLogger() });
    await redis.client.hset(`${namespace}:{job}`, 'owner', 'somebody');
    for (const call of [service.tryAcquire('job'), service.inspect('job'), service.requestRelease('job')])
      await expect(call).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await redis.client.del(`${namespace}:{job}`);
  });
});
