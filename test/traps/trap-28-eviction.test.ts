import type { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { inTests } from '../support/stores.js';

describe('trap 28: an eviction policy evicts locks', () => {
  const redis = useRedis();
  const warnings: string[] = [];
  const logger = {
    warn: (message: string) => warnings.push(message),
    error: (message: string) => warnings.push(message),
  };

  afterEach(async () => {
    warnings.length = 0;
    await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
  });

  /** The reconnection may be worth a word, too. */
  const ofEviction = () => warnings.filter((text) => text.includes('eviction'));

  describe.each<[string, () => string | Redis]>([
    ['a URL', () => redis.url],
    ['a client that is connected', () => redis.client],
    ['a client that is not connected yet', () => redis.server.client({ lazyConnect: true })],
  ])('with %s', (_source, source) => {
    it.each(['allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'volatile-ttl'])('%s is warned of, once', async (policy) => {
      await redis.client.config('SET', 'maxmemory-policy', policy);
      await using service = await createLockService({ redis: source(), namespace: unique('ns'), logger });
      await service.run('a', async () => {});
      await until(() => ofEviction().length > 0);
      await reconnect();
      await service.run('a', async () => {});
      await service.run('a', async () => {});

      expect(ofEviction()).toEqual([expect.stringMatching(new RegExp(`${policy}.*maxmemory-policy.*noeviction`))]);
    });

    it('noeviction is no reason to warn', async () => {
      await using service = await createLockService({ redis: source(), namespace: unique('ns'), logger });
      await service.run('a', async () => {});
      await reconnect();
      await service.run('a', async () => {});
      await service.run('a', async () => {});

      expect(ofEviction()).toEqual([]);
    });
  });

  it('without the right to look, nothing is said, and locks work', async () => {
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const user = unique('user');
    await redis.client.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', '-info');
    const { port } = redis.server;
    const source = { port, username: user, password: 'secret', enableReadyCheck: false };
    await using service = await createLockService({ redis: source, namespace: unique('ns'), logger });
    for (let round = 0; round < 3; round += 1) expect(await service.run('a', async () => 'done')).toBe('done');

    expect(warnings).toEqual([]);
  });

  it('a lock whose key was deleted is lost at the next renewal', async () => {
    const namespace = unique('ns');
    await using service = await createLockService({ redis: redis.url, namespace, ...inTests });
    const { signal } = await service.acquire('a', { ttl: '30s' });
    const deleted = await service.acquire('b', { ttl: '3s' });
    await redis.client.del(`${namespace}:{b}`);
    await until(() => deleted.signal.aborted);

    // 'expired' would say that the lease ended first.
    expect(deleted.signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'taken' });
    expect(await deleted.release()).toBe(false);
    expect(signal.aborted).toBe(false);
  });

  it('a lock that Redis evicted is lost at the next renewal, and the next holder has a higher token', async () => {
    await using server = await RedisServer.start({
      args: ['--maxmemory', '4mb', '--maxmemory-policy', 'allkeys-random'],
    });
    const client = server.client();
    await using service = await createLockService({ redis: server.url, ...inTests });
    await using next = await createLockService({ redis: server.url, ...inTests });
    const lock = await service.acquire('a', { ttl: '6s' });
    const { signal } = lock;
    for (let filler = 0; (await client.exists('lock:{a}')) === 1; filler += 1) {
      await client.set(`filler-${filler}`, 'x'.repeat(50_000));
    }
    await until(() => signal.aborted);

    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'taken' });
    expect((await next.acquire('a', { wait: 0 })).fencingToken).toBeGreaterThan(lock.fencingToken);
  });

  async function reconnect(): Promise<void> {
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => {});
    await redis.client.ping();
  }
});
