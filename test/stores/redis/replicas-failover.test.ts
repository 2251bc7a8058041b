import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLockService, type Duration, type Lock, type LockService } from '../../../lib/index.js';
import { memoryRegister } from '../../support/guarded-register.js';
import { RedisSentinel } from '../../support/redis-sentinel.js';
import { quiet } from '../../support/stores.js';

const NAMES = Array.from({ length: 20 }, (_, index) => `n${index}`);
const TIMEOUT_MS = 90_000;

describe('a fail-over to a replica that lags behind', { timeout: TIMEOUT_MS }, () => {
  let group: RedisSentinel;
  let before: LockService;
  let after: LockService;
  beforeEach(async () => {
    group = await RedisSentinel.start();
    const redis = { sentinels: group.addresses, name: group.name };
    const open = (commandTimeout: Duration) =>
      createLockService({ redis, commandTimeout, shutdownGrace: 0, logger: quiet });
    [before, after] = [await open('4s'), await open('30s')];
  });
  afterEach(async () => {
    await Promise.all([before, after].map((service) => service?.close()));
    await group?.stop();
  });

  /** Those that the service is granted now. */
  async function taken(service: LockService): Promise<Lock[]> {
    const locks = await Promise.all(NAMES.map((name) => service.tryAcquire(name, { ttl: '1h' })));
    return locks.filter((lock) => lock !== null);
  }

  it('grants with replicas: 0 what somebody holds; the resource that they guard refuses each of the old holders', async () => {
    await group.holdBack();
    const old = await Promise.all(NAMES.map((name) => before.acquire(name, { ttl: '1h', renew: false })));
    await group.failover();
    const doubles = await taken(after);
    expect(old.filter(({ held }) => held)).toHaveLength(NAMES.length);
    // All of them: none of these grants had reached the replica.
    expect(doubles).toHaveLength(NAMES.length);
    for (const [index, double] of doubles.entries()) {
      const resource = memoryRegister();
      expect(await resource.write(old[index]!.fencingToken)).toBe(true);
      expect(await resource.write(double.fencingToken)).toBe(true);
      expect(await resource.write(old[index]!.fencingToken)).toBe(false);
    }
  });

  it('grants none of them with replicas: 2, since nobody was granted one that the replicas do not have', async () => {
    const known = await Promise.all(NAMES.slice(0, 10).map((name) => before.acquire(name, { ttl: '1h', replicas: 2 })));
    await group.holdBack();
    const refused = await Promise.allSettled(
      NAMES.slice(10).map((name) => before.acquire(name, { ttl: '1h', replicas: 2 })),
    );
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'LOCK_UNAVAILABLE' } });
    }
    await group.failover();
    expect((await taken(after)).map(({ name }) => name)).toEqual(NAMES.slice(10));
    expect(known.every(({ held }) => held)).toBe(true);
  });
});
