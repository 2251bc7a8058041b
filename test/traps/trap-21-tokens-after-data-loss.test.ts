import { describe, expect, it } from 'vitest';
import { createLockService, type LockOptions, type LockService, MemoryLockStore } from '../../lib/index.js';
import { until } from '../support/event.js';
import { memoryRegister } from '../support/guarded-register.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { inTests } from '../support/stores.js';

describe('trap 21: the fencing counter starts again after a loss of data', () => {
  // Its own: everything on it goes.
  const redis = useRedis();
  const options = () => ({ redis: redis.url, namespace: unique('ns'), ...inTests });

  it.each<[string, LockOptions]>([
    ['exclusive', {}],
    ['shared', { mode: 'shared' }],
  ])('tokens of %s locks grow over FLUSHALL', async (_mode, lockOptions) => {
    await using service = await createLockService(options());
    const name = unique('lock');
    const tokens: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      tokens.push(await tokenOf(service, name, lockOptions));
      await redis.client.flushall();
    }
    expectGrowing(tokens);
  });

  it('tokens grow over FLUSHALL also when many were set aside for one process', async () => {
    await using service = await createLockService({ ...options(), localHandOver: { max: 1_000, within: '1m' } });
    const name = unique('lock');
    const before = await Promise.all(Array.from({ length: 500 }, () => tokenOf(service, name)));
    await redis.client.flushall();
    expectGrowing([...before, await tokenOf(service, name)]);
  });

  it('tokens grow over a restart that loses everything', async () => {
    await using server = await RedisServer.start();
    await using service = await createLockService({ redis: server.url, ...inTests });
    const name = unique('lock');
    const tokens: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      tokens.push(await tokenOf(service, name), await tokenOf(service, name));
      await server.restart();
    }
    expectGrowing([...tokens, await tokenOf(service, name)]);
  });

  it('tokens grow over the loss of the counter alone', async () => {
    const shared = options();
    await using service = await createLockService(shared);
    const name = unique('lock');
    const before = await tokenOf(service, name);
    expect(await redis.client.del(`${shared.namespace}:fence`)).toBe(1);
    expectGrowing([before, await tokenOf(service, name)]);
  });

  it('tokens grow when the clock of the server was set back, as long as the counter is there', async () => {
    const shared = options();
    await using service = await createLockService(shared);
    const name = unique('lock');
    const inTheFuture = (Date.now() + 86_400_000) * 1_000;
    await redis.client.set(`${shared.namespace}:fence`, inTheFuture, 'PX', 86_400_000);
    expectGrowing([inTheFuture, await tokenOf(service, name), await tokenOf(service, name)]);
  });

  it('a resource refuses the holder that FLUSHALL robbed once the next one was there, and the holder is told', async () => {
    const shared = options();
    await using robbed = await createLockService(shared);
    await using next = await createLockService(shared);
    const name = unique('lock');
    const register = memoryRegister();
    const old = await robbed.acquire(name, { ttl: 3_000 });
    const { signal } = old;
    expect(await register.write(old.fencingToken)).toBe(true);

    await redis.client.flushall();
    const lock = await next.acquire(name);

    expect(await register.write(lock.fencingToken)).toBe(true);
    expect(await register.write(old.fencingToken)).toBe(false);
    await until(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'taken' });
    expect(lock.held).toBe(true);
  });

  it('tokens grow from one memory store to the next', async () => {
    const name = unique('lock');
    const tokens: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      await using service = await createLockService({ store: new MemoryLockStore(), ...inTests });
      tokens.push(await tokenOf(service, name));
    }
    expectGrowing(tokens);
  });

  it('tokens of a memory store grow for a name that it has forgotten', async () => {
    await using service = await createLockService({ store: new MemoryLockStore(), ...inTests });
    const name = unique('lock');
    const before = await tokenOf(service, name);
    for (let other = 0; other < 1_500; other += 1) await tokenOf(service, `${name}-${other}`);
    expectGrowing([before, await tokenOf(service, name)]);
  });
});

function tokenOf(service: LockService, name: string, options?: LockOptions): Promise<number> {
  return service.run(name, options, async ({ fencingToken }) => fencingToken);
}

function expectGrowing(tokens: number[]): void {
  expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
}
