import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLockService, type LockBusyError, type LockService, MemoryLockStore } from '../../lib/index.js';
import { until } from '../support/event.js';

describe('Call chains that wait for each other in a circle', () => {
  let store: MemoryLockStore;
  const services: LockService[] = [];

  async function open(): Promise<LockService> {
    const service = await createLockService({ store, shutdownGrace: 0 });
    services.push(service);
    return service;
  }

  beforeEach(() => {
    store = new MemoryLockStore();
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  /** Each takes its first lock, and waits for the next one's; the first one gives up before the others. */
  async function circle(names: readonly string[], processes: readonly LockService[]): Promise<LockBusyError> {
    let taken = 0;
    const all = names.map((name, index) => {
      const locks = processes[index % processes.length] as LockService;
      return locks.run(name, async () => {
        taken += 1;
        await until(() => taken === names.length);
        const wait = index === 0 ? 400 : 60_000;
        await locks.run(names[(index + 1) % names.length] as string, { wait }, () => undefined);
      });
    });
    const [first, ...others] = await Promise.allSettled(all);
    expect(others.map(({ status }) => status)).toEqual(others.map(() => 'fulfilled'));
    return (first as PromiseRejectedResult).reason as LockBusyError;
  }

  it.each([
    ['two processes', ['a', 'b'], 2],
    ['three processes', ['a', 'b', 'c'], 3],
    ['five call chains of two processes', ['a', 'b', 'c', 'd', 'e'], 2],
    ['one process', ['a', 'b'], 1],
  ])('are told the circle: %s', async (_, names, count) => {
    const error = await circle(names, await Promise.all(Array.from({ length: count }, open)));
    expect(error).toMatchObject({ code: 'LOCK_BUSY', lockName: 'b', deadlock: [...names.slice(1), 'a'] });
    expect(error.message).toContain([...names.slice(1), 'a', 'b'].join(' → '));
    expect(error.message).toMatch(/same order, or in one call/);
  });

  it('are not seen where there is none, although a call chain waits and holds something', async () => {
    const [here, there] = [await open(), await open()];
    const lock = await there.acquire('b');
    const error = await here.run('a', () => here.acquire('b', { wait: 100 })).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'LOCK_BUSY', deadlock: undefined });
    await lock.release();
  });

  it('cost nothing where the caller holds nothing, or does not wait', async () => {
    const here = await open();
    await here.acquire('b');
    const ask = vi.spyOn(store, 'ask');
    const inspect = vi.spyOn(store, 'inspect');
    await here.acquire('b', { wait: 50 }).catch(() => {});
    await here.run('a', () => here.acquire('b', { wait: 0 })).catch(() => {});
    await here.run('a', () => here.acquire('c'));
    let outlived: Promise<unknown> | undefined;
    await here.run('d', async () => {
      outlived = new Promise((resolve) => setImmediate(resolve)).then(() => here.acquire('b', { wait: 120 }));
      outlived.catch(() => {});
    });
    await expect(outlived).rejects.toMatchObject({ code: 'LOCK_BUSY' });
    expect([ask.mock.calls, inspect.mock.calls]).toEqual([[], []]);
  });

  it('are looked for again and again, since a circle may be formed later', async () => {
    const [here, there] = [await open(), await open()];
    const spy = vi.spyOn(store, 'ask');
    const waiting = here.run('a', () => here.acquire('b', { wait: 1_500 })).catch((reason: unknown) => reason);
    await there.run('b', async () => {
      await until(() => spy.mock.calls.length > 0);
      const back = there.acquire('a', { wait: '1m' });
      expect(await waiting).toMatchObject({ deadlock: ['b', 'a'] });
      await (await back).release();
    });
  });
});
