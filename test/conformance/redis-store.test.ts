import { describe, expect, it } from 'vitest';
import { Connection } from '../../lib/stores/redis/connection.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { runLockStoreSuite } from '../../lib/testing/index.js';
import { ALL_EXTRAS } from '../support/extras.js';
import { unique, useRedis } from '../support/redis.js';

describe('RedisLockStore', () => {
  const redis = useRedis();
  const namespace = unique('ns');
  const createStore = async () => {
    const connection = await Connection.open(redis.url, undefined);
    return new RedisLockStore({ connection, namespace, commandTimeout: 5_000, logger: undefined });
  };
  runLockStoreSuite({ describe, it, expect, extras: ALL_EXTRAS, createStore });
});
