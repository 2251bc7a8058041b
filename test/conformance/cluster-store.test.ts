import type { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from '../../lib/stores/redis/connection.js';
import type { RedisClient } from '../../lib/stores/redis/redis-client.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { runLockStoreSuite } from '../../lib/testing/index.js';
import { ALL_EXTRAS } from '../support/extras.js';
import { unique } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';

describe('RedisLockStore on a Cluster', () => {
  const namespace = unique('ns');
  let cluster: RedisCluster;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    client = cluster.client();
  });
  afterAll(() => cluster?.stop());

  const createStore = async () => {
    const connection = await Connection.open(client as unknown as RedisClient, undefined);
    return new RedisLockStore({ connection, namespace, commandTimeout: 5_000, logger: undefined });
  };
  runLockStoreSuite({ describe, it, expect, extras: ALL_EXTRAS, createStore });
});
