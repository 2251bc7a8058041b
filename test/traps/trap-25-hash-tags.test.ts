import type { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type LockService, MemoryLockStore } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { inTests } from '../support/stores.js';

const NAMES = [
  'plain',
  '{}',
  '{',
  '}',
  '}{',
  '}x',
  'x{y}z',
  'x}y{z',
  '{a}{b}',
  '%7B%7D',
  '%',
  'line\nbreak',
  'nul\0',
  ':shared',
  'a:queue',
  'a}:queue',
  'grüße {du}',
];

describe('trap 25: a hash tag in user data', () => {
  let cluster: RedisCluster;
  let client: Cluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
    client = cluster.client();
  });
  afterAll(() => cluster?.stop());

  it.each(NAMES)('all keys of the lock %j share a slot of the Cluster, whatever is done with it', async (name) => {
    const options = { redis: client, namespace: unique('ns'), ...inTests };
    await using service = await createLockService(options);
    await using other = await createLockService(options);
    const keys = new Set<string>();
    const look = async () => {
      for (const key of await keysOf(options.namespace)) keys.add(key);
    };

    const lock = await service.acquire(name, { holdAtLeast: 50 });
    const wish = other.acquire(name, { mode: 'shared' });
    await until(async () => (await service.inspect(name)).waiting.length === 1);
    await look();
    await lock.extend();
    expect(await lock.release()).toBe(true);
    const shared = await wish;
    await look();
    expect(await service.forceRelease(name)).toBe(true);
    await until(() => !shared.held);

    expect(keys.size).toBe(7);
    const slots = await Promise.all([...keys].map((key) => client.cluster('KEYSLOT', key)));
    expect(new Set(slots).size).toBe(1);
  });

  it('different names are different locks', async () => {
    const options = { redis: client, namespace: unique('ns'), ...inTests };
    await using service = await createLockService(options);
    await expectApart(service);
  });

  it('different names are different locks in memory too', async () => {
    await using service = await createLockService({ store: new MemoryLockStore(), ...inTests });
    await expectApart(service);
  });

  it('locks are spread over the whole Cluster', async () => {
    const options = { redis: client, namespace: unique('ns'), ...inTests };
    await using service = await createLockService(options);
    const names = Array.from({ length: 50 }, (_, index) => `{user}:${index}`);
    await Promise.all(names.map((name) => service.acquire(name)));
    const counts = await Promise.all(cluster.nodes.map((node) => node.client().dbsize()));
    expect(counts.every((count) => count > 0)).toBe(true);
  });

  it('several names are locked together, wherever they are', async () => {
    await using service = await createLockService({ redis: client, namespace: unique('ns'), ...inTests });
    const lock = await service.acquire(NAMES);
    expect(lock.fencingTokens.size).toBe(NAMES.length);
    expect(await lock.release()).toBe(true);
  });

  it.each(['{ns}', 'a{b', 'a}b'])('a namespace with braces (%s) is refused', async (namespace) => {
    await expect(createLockService({ redis: client, namespace })).rejects.toMatchObject({
      code: 'LOCK_OPTIONS',
      message: expect.stringContaining('namespace'),
    });
  });

  async function keysOf(namespace: string): Promise<string[]> {
    const keys = await Promise.all(client.nodes('master').map((node) => node.keys(`${namespace}:*`)));
    return keys.flat();
  }
});

async function expectApart(service: LockService): Promise<void> {
  const locks = await Promise.all(NAMES.map((name) => service.acquire(name, { wait: 0 })));
  expect(locks.every(({ held }) => held)).toBe(true);
  for (const name of NAMES) expect((await service.inspect(name)).holders).toHaveLength(1);
  expect(await Promise.all(locks.map((lock) => lock.release()))).toEqual(NAMES.map(() => true));
}
