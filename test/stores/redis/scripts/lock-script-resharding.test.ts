import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LockUnavailableError } from '../../../../lib/index.js';
import { Connection } from '../../../../lib/stores/redis/connection.js';
import { keyOf } from '../../../../lib/stores/redis/keys.js';
import type { RedisClient } from '../../../../lib/stores/redis/redis-client.js';
import { RedisLockStore } from '../../../../lib/stores/redis/redis-lock-store.js';
import { unique } from '../../../support/redis.js';
import { RedisCluster } from '../../../support/redis-cluster.js';

describe('while the slot of a lock moves from one node of a Cluster to another', () => {
  const namespace = unique('ns');
  let cluster: RedisCluster;
  let store: RedisLockStore;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    const connection = await Connection.open(cluster.client() as unknown as RedisClient, undefined);
    store = new RedisLockStore({ connection, namespace, commandTimeout: 1_000, logger: undefined });
  });
  afterAll(async () => {
    await store?.close();
    await cluster?.stop();
  });

  /** The slot is on its way: of its keys, those with these suffixes have moved. New ones are made on the other node. */
  const beginToMove = async (name: string, moved: readonly string[] = []): Promise<void> => {
    const nodes = cluster.nodes.map((node) => node.client());
    const key = keyOf(namespace, name);
    const slot = Number(await nodes[0]!.call('CLUSTER', 'KEYSLOT', key));
    const counts = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'COUNTKEYSINSLOT', slot)));
    const from = counts.findIndex((count) => Number(count) > 0);
    const to = (from + 1) % nodes.length;
    const ids = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'MYID')));
    await nodes[to]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(ids[from]));
    await nodes[from]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(ids[to]));
    for (const suffix of moved) {
      expect(await nodes[from]!.call('MIGRATE', '127.0.0.1', cluster.nodes[to]!.port, key + suffix, 0, 5_000)).toBe(
        'OK',
      );
    }
  };

  const claim = (name: string, seq: number, permits: number, alive = 0) => {
    return { name, owner: `instance#${seq}`, permits, ttl: 60_000, alive, ticket: 0, attempt: 1, block: 1 };
  };

  it.each([
    ['an exclusive', 0, 'an exclusive', 0],
    ['an exclusive', 0, 'a shared', 5],
    ['a shared', 5, 'an exclusive', 0],
  ])('%s holder (permits %i) keeps out %s one (permits %i)', async (_holder, held, _other, wanted) => {
    const name = unique('lock');
    expect(await store.acquire(claim(name, 1, held))).toMatchObject({ granted: true });
    await beginToMove(name);
    const answer = await store.acquire(claim(name, 2, wanted)).catch((error: unknown) => error);
    if (!(answer instanceof LockUnavailableError)) expect(answer).toMatchObject({ granted: false });
  });

  it.each([
    ['nothing', []],
    ['the queue', [':queue', ':waiter']],
    ['the shared holders', [':shared']],
  ])('a shared holder is not told that the lock is lost, and nobody is granted it (%s has moved)', async (_, moved) => {
    const name = unique('lock');
    const reader = claim(name, 1, 5);
    const writer = claim(name, 2, 0, 60_000);
    expect(await store.acquire(reader)).toMatchObject({ granted: true });
    expect(await store.acquire(writer)).toMatchObject({ granted: false });
    await beginToMove(name, moved);
    const renewed = await store.renew(reader).catch((error: unknown) => error);
    const isHolder = await store.renew(writer).catch((error: unknown) => error);
    // No answer is none; that of the reader must be no "no", that of the writer no "yes".
    expect([renewed === false, isHolder === true]).toEqual([false, false]);
  });
});
