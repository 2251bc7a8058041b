import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type LockModuleOptions, type LockOptions, MemoryLockStore } from '../../lib/index.js';
import { until } from '../support/event.js';
import { callScript, operations, ScriptedLock } from '../support/lock-script.js';
import { memoryVoters } from '../support/memory-quorum.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { inTests } from '../support/stores.js';

const permits = (count: number): LockOptions => ({ mode: 'shared', permits: count, ttl: '1h' });
const READER: LockOptions = { mode: 'shared', ttl: '1h' };

describe('F5: sharers of one name that give different bounds', () => {
  const redis = useRedis();
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster?.stop());

  const stores: [string, () => LockModuleOptions][] = [
    ['one server', () => ({ redis: redis.url, namespace: unique('ns'), ...inTests })],
    ['a Cluster', () => ({ redis: cluster.client(), namespace: unique('ns'), ...inTests })],
    ['memory', () => ({ store: new MemoryLockStore(), ...inTests })],
    ['a quorum', () => ({ store: memoryVoters(3), ...inTests })],
  ];

  describe.each(stores)('on %s', (_, options) => {
    const two = async () => {
      const shared = options();
      const services = await Promise.all([createLockService(shared), createLockService(shared)]);
      const [one, other] = services as [(typeof services)[0], (typeof services)[0]];
      return {
        one,
        other,
        [Symbol.asyncDispose]: async () => void (await Promise.all(services.map((service) => service.close()))),
      };
    };

    it.each([
      [1, 2],
      [2, 3],
      [2, undefined],
      [5, 2],
    ])(
      'beside holders with `permits: %s` until these are full, then nobody with `permits: %s`',
      async (first, second) => {
        await using at = await two();
        const fit = Math.min(first, second ?? first);
        const held = [];
        for (let holder = 0; holder < fit; holder += 1) held.push(await at.one.acquire('printer', permits(first)));
        const newcomer = second === undefined ? READER : permits(second);
        expect(await at.other.tryAcquire('printer', newcomer)).toBeNull();
        await held[0]?.release();
        const beside = await at.other.tryAcquire('printer', newcomer);
        expect(beside?.held).toBe(true);
        // The bound is that of those who are inside now.
        for (const lock of held) await lock.release();
        await at.one.acquire('printer', newcomer);
      },
    );

    it('a bound goes with its holder, however it ends', async () => {
      for (const end of ['released', 'forced', 'not renewed']) {
        await using at = await two();
        const terms = end === 'not renewed' ? { ttl: 300, renew: false } : {};
        const held = await at.one.acquire('printer', { ...permits(1), ...terms });
        expect(await at.other.tryAcquire('printer', READER)).toBeNull();
        if (end === 'released') await held.release();
        if (end === 'forced') await at.other.forceRelease('printer');
        await at.other.acquire('printer', READER);
        await at.one.acquire('printer', READER);
      }
    });

    it('waiters are let in as far as everybody fits', async () => {
      await using at = await two();
      const writer = await at.one.acquire('printer', { ttl: '1h' });
      const inside: number[] = [];
      const wait = async (order: number, terms: LockOptions): Promise<unknown> => {
        const waiting = at.other.acquire('printer', terms).then((lock) => {
          inside.push(order);
          return lock;
        });
        await until(async () => (await at.one.inspect('printer')).waiting.length === order);
        return waiting;
      };
      const waits = [wait(1, permits(2))];
      await until(async () => (await at.one.inspect('printer')).waiting.length === 1);
      waits.push(wait(2, permits(9)));
      await until(async () => (await at.one.inspect('printer')).waiting.length === 2);
      waits.push(wait(3, READER));
      await until(async () => (await at.one.inspect('printer')).waiting.length === 3);
      await writer.release();
      const [narrow, wide] = (await Promise.all(waits.slice(0, 2))) as { release(): Promise<boolean> }[];
      expect((await at.one.inspect('printer')).waiting).toHaveLength(1);
      await narrow?.release();
      await waits[2];
      expect([...inside].sort()).toEqual([1, 2, 3]);
      await wide?.release();
    });

    it('what is kept after the release binds for as long as it is kept', async () => {
      await using at = await two();
      const held = await at.one.acquire('printer', { ...permits(1), holdAtLeast: '1h' });
      await held.release();
      expect(await at.other.tryAcquire('printer', READER)).toBeNull();
      await at.other.forceRelease('printer');
      expect(await at.other.tryAcquire('printer', READER)).not.toBeNull();
    });
  });

  describe('in the script', () => {
    it('bounds live as long as the leases, and those without an owner are cleared away', async () => {
      const lock = new ScriptedLock(redis.client);
      await lock.do('acquire', 'a#1', { permits: 1_000, ttl: 600_000 });
      for (let round = 0; round < 20; round += 1) {
        const owners = Array.from({ length: 10 }, (_, index) => `z#${round * 10 + index}`);
        const takes = owners.map(
          (owner) => [lock, operations.acquire(owner, { permits: 1_000, ttl: 60_000 })] as const,
        );
        await callScript(redis.client, lock.channelPrefix, takes);
        // They end by themselves.
        await redis.client.zadd(lock.shared, ...owners.flatMap((owner) => [1, owner]));
      }
      expect(await redis.client.zcard(lock.bounds)).toBeLessThan(60);
      expect((await lock.layout())[lock.bounds]?.ttl).toBeGreaterThan(500_000);
    });

    it('readers without a bound leave none', async () => {
      const lock = new ScriptedLock(redis.client);
      await lock.do('acquire', 'a#1', { permits: Number.MAX_SAFE_INTEGER });
      await lock.do('acquire', 'b#1', { permits: 3 });
      await lock.do('renew', 'a#1');
      await lock.do('release', 'b#1');
      expect(await redis.client.exists(lock.bounds)).toBe(0);
    });
  });
});
