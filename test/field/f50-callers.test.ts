import { describe, expect, it } from 'vitest';
import { createLockService, type LockModuleOptions, type LockService, MemoryLockStore } from '../../lib/index.js';
import { until } from '../support/event.js';
import { memoryVoters } from '../support/memory-quorum.js';
import { unique, useRedis } from '../support/redis.js';
import { quiet } from '../support/stores.js';

describe('F50: the callers behind a waiter', () => {
  const redis = useRedis();
  const stores: [string, () => LockModuleOptions][] = [
    ['Redis', () => ({ redis: redis.url, namespace: unique('ns') })],
    ['memory', () => ({ store: new MemoryLockStore() })],
    ['a quorum', () => ({ store: memoryVoters(3) })],
  ];

  const callersOf = async (service: LockService) =>
    (await service.inspect('job')).waiting.map(({ callers }) => callers);
  /** The store hears of a change when it is asked again: at the end of the lease, if that comes before ten seconds. */
  const LATEST = { within: 25_000 };

  it.each(stores)('are counted, and counted anew when they change (%s)', { timeout: 60_000 }, async (_, store) => {
    const options = { ...store(), logger: quiet };
    await using holder = await createLockService(options);
    await using waiter = await createLockService(options);
    const held = await holder.acquire('job', { ttl: '3s' });
    const giveUp = new AbortController();
    const { signal } = giveUp;
    const wait = (terms = {}) =>
      waiter.acquire('job', { wait: '1h', ...terms }).then(
        (lock) => lock.release(),
        () => {},
      );
    const waits = [wait(), ...Array.from({ length: 4 }, () => wait({ signal }))];
    await until(async () => (await callersOf(holder)).join() === '5', LATEST);
    giveUp.abort();
    await until(async () => (await callersOf(holder)).join() === '1', LATEST);
    await held.release();
    await Promise.all(waits);
  });

  it.each(stores)('whoever shares stands for itself (%s)', async (_, store) => {
    const options = { ...store(), logger: quiet };
    await using holder = await createLockService(options);
    await using waiter = await createLockService(options);
    const held = await holder.acquire('job', { ttl: '1h' });
    const waits = [1, 2, 3].map(() => waiter.run('job', { mode: 'shared', wait: '1h' }, () => {}));
    await until(async () => (await callersOf(holder)).length === 3, LATEST);
    expect(await callersOf(holder)).toEqual([1, 1, 1]);
    await held.release();
    await Promise.all(waits);
  });
});
