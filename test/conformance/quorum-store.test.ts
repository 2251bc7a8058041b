import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openQuorum } from '../../lib/stores/redis/quorum/open-quorum.js';
import { runLockStoreSuite } from '../../lib/testing/index.js';
import { ALL_EXTRAS } from '../support/extras.js';
import { unique } from '../support/redis.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import { quiet } from '../support/stores.js';

describe.each([3, 5])('A quorum of %d servers', (size) => {
  let quorum: RedisQuorum;
  beforeAll(async () => {
    quorum = await RedisQuorum.start(size);
    await quorum.up(1);
  });
  afterAll(() => quorum?.stop());

  const namespace = unique('ns');
  const createStore = () =>
    openQuorum(quorum.urls, { namespace, commandTimeout: 5_000, longestTtl: 500, logger: quiet });
  runLockStoreSuite({ describe, it, expect, extras: ALL_EXTRAS.filter((extra) => extra !== 'steal'), createStore });
});
