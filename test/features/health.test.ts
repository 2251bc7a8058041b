import { afterEach, describe, expect, it } from 'vitest';
import {
  createLockService,
  LockOptionsError,
  type LockService,
  MemoryLockStore,
  type StoreState,
} from '../../lib/index.js';

describe('The health of the locks', () => {
  const services: LockService[] = [];
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  async function open(store: 'memory' | MemoryLockStore = 'memory'): Promise<LockService> {
    const service = await createLockService({ store, shutdownGrace: 0 });
    services.push(service);
    return service;
  }

  it('counts what this process holds and who waits in it, and is up whatever is busy', async () => {
    const locks = await open();
    const lock = await locks.acquire('health');
    await locks.acquire('other');
    const waiting = [locks.acquire('health'), locks.acquire('health'), locks.acquire('other')];
    await new Promise((resolve) => setImmediate(resolve));
    expect(await locks.health()).toEqual({
      status: 'up',
      store: 'memory',
      latency: expect.any(Number),
      held: 2,
      waiting: 3,
      messages: 'idle',
    });
    for (const each of waiting) each.catch(() => {});
    await lock.release();
    expect(await locks.health()).toMatchObject({ held: 2, waiting: 2 });
  });

  it('does not count as waiting who may get the lock at once', async () => {
    class Slow extends MemoryLockStore {
      override acquire(...claim: Parameters<MemoryLockStore['acquire']>): ReturnType<MemoryLockStore['acquire']> {
        return new Promise((resolve) => setImmediate(() => setImmediate(() => resolve(super.acquire(...claim)))));
      }
    }
    const locks = await open(new Slow());
    const acquired = locks.acquire('door');
    expect(await locks.health()).toMatchObject({ held: 0, waiting: 0 });
    await (await acquired).release();
  });

  it('is down when the store does not answer in time, and says so', async () => {
    class Hung extends MemoryLockStore {
      override inspect(): Promise<StoreState> {
        return new Promise(() => {});
      }
    }
    const locks = await open(new Hung());
    expect(await locks.health({ timeout: 20 })).toEqual({
      status: 'down',
      store: 'memory',
      latency: null,
      held: 0,
      waiting: 0,
      messages: 'idle',
      problem: 'The store has not answered for 20 ms.',
    });
  });

  it('is down when the store refuses, and when the service is closed', async () => {
    class Refusing extends MemoryLockStore {
      override async inspect(): Promise<StoreState> {
        throw new Error('no');
      }
    }
    const locks = await open(new Refusing());
    expect(await locks.health()).toMatchObject({
      status: 'down',
      latency: null,
      problem: expect.stringContaining('unavailable'),
    });
    await locks.close();
    expect(await locks.health()).toMatchObject({ status: 'down', problem: expect.stringContaining('closed') });
  });

  it.each([[{ timeout: 0 }], [{ timeout: 'soon' }], [{ time: 5 }], [null]])('has no options %j', async (options) => {
    const locks = await open();
    await expect(locks.health(options as { timeout: number })).rejects.toThrow(LockOptionsError);
  });
});
