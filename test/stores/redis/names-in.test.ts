import { describe, expect, it, onTestFinished } from 'vitest';
import { createLockService, type RedisSource } from '../../../lib/index.js';
import { namesIn } from '../../../lib/stores/redis/names-in.js';
import type { RedisClient } from '../../../lib/stores/redis/redis-client.js';
import { createLockManager } from '../../../lib/web-locks.js';
import { unique, useRedis } from '../../support/redis.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { quiet } from '../../support/stores.js';

describe('The list of all locks', () => {
  const redis = useRedis();
  const walk = { namespace: 'ns', prefix: '', commandTimeout: 1_000 };

  it('has those of all nodes of a Cluster, also with a prefix before the keys', async () => {
    await using cluster = await RedisCluster.start();
    const namespace = unique('ns');
    const services = await Promise.all(
      [1, 2].map(() =>
        createLockService({
          redis: cluster.client({ keyPrefix: 'before:' }) as unknown as RedisSource,
          namespace,
          logger: quiet,
          shutdownGrace: 0,
        }),
      ),
    );
    onTestFinished(async () => void (await Promise.all(services.map((service) => service.close()))));
    const [mine, theirs] = services.map((service) => createLockManager(service));
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const held = names.map((name) => mine?.request(name, () => new Promise(() => {})).catch(() => {}));
    const listed = async () => (await theirs?.query())?.held.map(({ name }) => name);
    await expect.poll(listed, { timeout: 10_000 }).toEqual(names);
    void held;
  });

  it('leaves out keys that are not ours', async () => {
    const namespace = unique('ns');
    const keys = ['{web:100%}', '{web:a}:fence', '{web:a', 'web:a', '{web:a}:other'].map(
      (key) => `${namespace}:${key}`,
    );
    await redis.client.mset(keys.flatMap((key) => [key, '1']));
    const client = redis.client as unknown as RedisClient;
    expect(await namesIn(client, { ...walk, namespace })).toEqual([]);
    await redis.client.del(...keys);
  });

  it('is not empty where no node of a Cluster is known, but unavailable', async () => {
    const client = { nodes: () => [] } as unknown as RedisClient;
    await expect(namesIn(client, walk)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });
});
