import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LockModuleOptions } from '../../../lib/index.js';
import { unique } from '../../support/redis.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { quiet } from '../../support/stores.js';
import { clientsOf, expectException, openClients, Take } from '../../support/web-clients.js';

/** Of which each node has some. */
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

describe('Web locks on a Cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster?.stop());

  const shared = (): LockModuleOptions => ({ redis: cluster.client(), namespace: unique('ns'), logger: quiet });

  it('are listed from all nodes, in the order of each queue', async () => {
    const [here, there] = await openClients(shared(), 2);
    // Every node knows the script: a call that has to bring it may be overtaken.
    for (const name of NAMES) await here!.locks.request(name, () => {});
    const held = NAMES.map((name) => new Take(here!.locks, name, { mode: 'shared' }));
    // Before any answer has come.
    expect((await here!.locks.query()).held.map(({ name }) => name)).toEqual(NAMES);
    await Promise.all(held.map(({ granted }) => granted));
    for (const name of NAMES) new Take(there!.locks, name);
    for (const name of NAMES) new Take(there!.locks, name, { mode: 'shared' });
    expect((await there!.locks.query()).pending).toHaveLength(2 * NAMES.length);
    const seen = await here!.locks.query();
    expect(seen.held.map(({ name }) => name)).toEqual(NAMES);
    expect(seen.pending.map(({ name, mode }) => `${name} ${mode}`)).toEqual(
      NAMES.flatMap((name) => [`${name} exclusive`, `${name} shared`]),
    );
    expect(clientsOf(seen.held, 'a')).not.toEqual(clientsOf(seen.pending, 'a').slice(1));
  });

  it('are stolen, aborted and refused as elsewhere', async () => {
    const [here, there] = await openClients(shared(), 2);
    for (const name of NAMES) {
      const victim = new Take(there!.locks, name);
      await victim.granted;
      expect(await here!.locks.request(name, { ifAvailable: true }, (lock) => lock)).toBeNull();
      const controller = new AbortController();
      const waiting = new Take(here!.locks, name, { signal: controller.signal });
      expect((await here!.locks.query()).pending).toHaveLength(1);
      controller.abort('enough');
      await expect(waiting.result).rejects.toBe('enough');
      expect(await here!.locks.request(name, { steal: true }, (lock) => lock?.name)).toBe(name);
      await expectException(victim.result, 'AbortError');
    }
  });
});
