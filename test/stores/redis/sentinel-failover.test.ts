import { describe, expect, it } from 'vitest';
import { createLockService, type Lock, type LockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { expectExclusion, expectGrowingTokens, expectNothingLeft, isKept, startLoad } from '../../support/fail-over.js';
import { memoryRegister } from '../../support/guarded-register.js';
import { unique } from '../../support/redis.js';
import { RedisSentinel } from '../../support/redis-sentinel.js';
import { quiet } from '../../support/stores.js';

const SERVICES = 4;
const NAMES = Array.from({ length: 12 }, (_, index) => `n${index}`);
const TIMEOUT_MS = 90_000;

describe('a fail-over of Sentinel', { timeout: TIMEOUT_MS }, () => {
  async function open(group: RedisSentinel) {
    const namespace = unique('ns');
    const redis = { sentinels: group.addresses, name: group.name };
    const services = await Promise.all(
      Array.from({ length: SERVICES }, () =>
        createLockService({ redis, namespace, commandTimeout: '30s', shutdownGrace: 0, logger: quiet }),
      ),
    );
    const close = () => Promise.all(services.map((service) => service.close()));
    return { namespace, services, [Symbol.asyncDispose]: async () => void (await close()) };
  }

  it('what had come to the replicas is kept, what had not is told to be lost, and every waiter is served', async () => {
    await using group = await RedisSentinel.start();
    await using opened = await open(group);
    const { namespace, services } = opened;
    const by = (index: number): LockService => services[index % SERVICES]!;
    const replicas = group.replicas.map((replica) => replica.client());
    const registers = new Map(NAMES.map((name) => [name, memoryRegister()]));
    const served: Promise<void>[] = [];

    const hold = async (name: string, index: number): Promise<Lock> => {
      const lock = await by(index).acquire(name, { ttl: '2m' });
      expect(await registers.get(name)!.enter(lock.fencingToken)).toBe(true);
      return lock;
    };
    /** By the services that do not hold it. */
    const wait = (name: string, index: number): void => {
      for (const offset of [1, 2, 3]) {
        const waiting = by(index + offset).run(name, { wait: '5m', ttl: '2m' }, async ({ fencingToken }) => {
          expect(await registers.get(name)!.enter(fencingToken)).toBe(true);
          await registers.get(name)!.leave(fencingToken);
        });
        waiting.catch(() => {});
        served.push(waiting);
      }
    };

    const [forgotten, ...known] = NAMES as [string, ...string[]];
    const locks = await Promise.all(known.map(hold));
    known.forEach(wait);
    for (const replica of replicas) {
      const queues = () => Promise.all(known.map((name) => replica.zcard(`${namespace}:{${name}}:queue`)));
      await until(async () => (await queues()).every((count) => count === SERVICES - 1), { describe: 'all places' });
    }
    await group.holdBack();
    const lost = await hold(forgotten, 0);
    wait(forgotten, 0);
    const primary = group.primary.client();
    await until(async () => (await primary.zcard(`${namespace}:{${forgotten}}:queue`)) === SERVICES - 1);

    await group.failover();

    expect(await Promise.all(locks.map(isKept))).toEqual(locks.map(() => true));
    expect(locks.every(({ held }) => held)).toBe(true);
    expect(await isKept(lost)).toBe(false);
    expect(lost.signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'taken' });
    await registers.get(forgotten)!.leave(lost.fencingToken);
    for (const [index, lock] of locks.entries()) {
      await registers.get(known[index]!)!.leave(lock.fencingToken);
      expect(await lock.release()).toBe(true);
    }
    await Promise.all(served);
    for (const name of known) await expectExclusion(registers.get(name)!);
    // The next holder of the forgotten one came before the old one knew: only their tokens tell them apart.
    await expectGrowingTokens(registers.get(forgotten)!);
    await expectNothingLeft(group.primary.client(), namespace);
  });

  it('under load it costs nothing but time: all go on, tokens grow, and whoever failed was told why', async () => {
    await using group = await RedisSentinel.start();
    await using opened = await open(group);
    const { namespace, services } = opened;
    const names = NAMES.slice(0, 4);
    const load = startLoad(services, names);
    await load.everybodyWorks('work before the fail-over');
    await group.failover();
    await load.everybodyWorks('work after the fail-over');
    await load.stop();
    expect([...load.codes].filter((code) => !['LOCK_UNAVAILABLE', 'LOCK_LOST'].includes(code))).toEqual([]);
    for (const name of names) await expectExclusion(load.registerOf(name));
    await expectNothingLeft(group.primary.client(), namespace);
  });
});
