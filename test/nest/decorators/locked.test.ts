// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { HttpException, Injectable } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  currentLock,
  LockBusyError,
  Locked,
  LockLostError,
  LockModule,
  LockService,
  LockUnavailableError,
  MemoryLockStore,
} from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { down, FaultyStore } from '../../support/faulty-store.js';
import { Room, TestApp } from '../../support/nest.js';

describe('A guarded method', () => {
  const failure = new HttpException('No such order', 404);

  @Injectable()
  class Orders {
    readonly room = new Room();
    readonly locks: LockService;

    constructor(locks: LockService) {
      this.locks = locks;
    }

    @Locked('order:<id>', { ttl: '1h', mode: 'shared' })
    async options(id: string) {
      const lock = currentLock(`order:${id}`);
      return { mode: lock?.mode, remaining: lock?.remaining(), held: lock?.held };
    }

    @Locked('order:<id>')
    async pay(id: string, visitor: string) {
      await this.room.visit(visitor);
      return { id, visitor };
    }

    @Locked('order:<id>', { wait: 0 })
    async payAtOnce(id: string) {
      return id;
    }

    @Locked('order:<id>', { onBusy: 'skip' })
    async payOrSkip(id: string): Promise<string | undefined> {
      this.room.visitors.push(id);
      return id;
    }

    @Locked('order:<id>', { onBusy: 'skip', wait: '1m' })
    async payInAMinuteOrSkip(id: string): Promise<string | undefined> {
      return id;
    }

    @Locked('order:<id>', { onBusy: 'skip' })
    async stumble(id: string): Promise<void> {
      await this.locks.run('inner', { wait: 0 }, async () => id);
    }

    @Locked('order:<id>')
    async fail(id: string): Promise<void> {
      throw failure;
    }

    @Locked('order:<id>')
    failAtOnce(id: string): Promise<void> {
      throw failure;
    }

    @Locked('order:<id>')
    async outer(id: string) {
      return [currentLock()?.fencingToken, await this.inner(id)];
    }

    @Locked('order:<id>', { wait: 0, reentrant: true })
    async inner(id: string) {
      return currentLock()?.fencingToken;
    }

    @Locked('order:<id>')
    async lose(id: string) {
      await this.locks.forceRelease(`order:${id}`);
      return currentLock()?.signal.reason;
    }

    @Locked('order:<id>', { onLost: 'ignore' })
    async loseInSilence(id: string) {
      await this.locks.forceRelease(`order:${id}`);
      return 'done';
    }
  }

  async function start(store: FaultyStore | MemoryLockStore = new MemoryLockStore()) {
    const kept = store instanceof FaultyStore ? store : { store, sound: store };
    const app = await TestApp.start({ imports: [LockModule.forRoot({ store: kept.store })], providers: [Orders] });
    onTestFinished(() => app.close());
    const elsewhere = await createLockService({ store: kept.sound, instance: 'elsewhere' });
    onTestFinished(() => elsewhere.close());
    return { orders: app.get(Orders), elsewhere };
  }

  it('has the lock while it runs, with the options of the decorator', async () => {
    const { orders } = await start();
    const { mode, held, remaining } = await orders.options('7');
    expect({ mode, held }).toEqual({ mode: 'shared', held: true });
    expect(remaining).toBeGreaterThan(30_000);
    expect(currentLock()).toBeUndefined();
  });

  it('runs one call at a time for a name, in the order of the calls, and passes arguments and results through', async () => {
    const { orders, elsewhere } = await start();
    const first = orders.pay('7', 'first');
    await until(() => orders.room.visitors.length === 1);
    const second = orders.pay('7', 'second');
    await until(async () => (await elsewhere.inspect('order:7')).waiting.length === 1);
    const third = orders.pay('8', 'third');
    await until(() => orders.room.visitors.length === 2);
    expect(orders.room.visitors).toEqual(['first', 'third']);
    orders.room.letOut('third');
    expect(await third).toEqual({ id: '8', visitor: 'third' });
    orders.room.letOut('second');
    orders.room.letOut('first');
    expect(await first).toEqual({ id: '7', visitor: 'first' });
    expect(await second).toEqual({ id: '7', visitor: 'second' });
    expect(orders.room.visitors).toEqual(['first', 'third', 'second']);
  });

  it('throws LockBusyError when somebody else has the lock and the wait is over', async () => {
    const { orders, elsewhere } = await start();
    await using _held = await elsewhere.acquire('order:7');
    await expect(orders.payAtOnce('7')).rejects.toThrow(LockBusyError);
    await expect(orders.payAtOnce('7')).rejects.toMatchObject({ lockName: 'order:7', holders: ['elsewhere'] });
    expect(await orders.payAtOnce('8')).toBe('8');
  });

  it("skips the call with onBusy: 'skip', at once", async () => {
    const { orders, elsewhere } = await start();
    const held = await elsewhere.acquire('order:7');
    expect(await orders.payOrSkip('7')).toBeUndefined();
    expect(orders.room.visitors).toEqual([]);
    await held.release();
    expect(await orders.payOrSkip('7')).toBe('7');
  });

  it("waits with onBusy: 'skip' where the decorator says for how long", async () => {
    const { orders, elsewhere } = await start();
    const held = await elsewhere.acquire('order:7');
    const waiting = orders.payInAMinuteOrSkip('7');
    await until(async () => (await elsewhere.inspect('order:7')).waiting.length === 1);
    await held.release();
    expect(await waiting).toBe('7');
  });

  it('does not take the busy lock of its own body for a call to skip', async () => {
    const { orders, elsewhere } = await start();
    await using _held = await elsewhere.acquire('inner');
    await expect(orders.stumble('7')).rejects.toMatchObject({ code: 'LOCK_BUSY', lockName: 'inner' });
  });

  it('neither runs nor skips when the store does not answer', async () => {
    const store = new FaultyStore();
    store.faults.acquire = down;
    const { orders } = await start(store);
    await expect(orders.payAtOnce('7')).rejects.toThrow(LockUnavailableError);
    await expect(orders.payOrSkip('7')).rejects.toThrow(LockUnavailableError);
    expect(orders.room.visitors).toEqual([]);
  });

  it('throws the very error of its body, also of one that throws before its first await, and frees the lock', async () => {
    const { orders } = await start();
    await expect(orders.fail('7')).rejects.toBe(failure);
    await expect(orders.failAtOnce('7')).rejects.toBe(failure);
    expect(await orders.payAtOnce('7')).toBe('7');
  });

  it('shares the lock that its caller holds, when it asks for that', async () => {
    const { orders } = await start();
    const [outer, inner] = await orders.outer('7');
    expect(outer).toEqual(expect.any(Number));
    expect(inner).toBe(outer);
  });

  it('is told by its signal when the lock is lost, and its caller by LockLostError with the result', async () => {
    const { orders } = await start();
    const error: LockLostError = await orders.lose('7').catch((reason) => reason);
    expect(error).toBeInstanceOf(LockLostError);
    expect(error).toMatchObject({ why: 'forced', lockName: 'order:7' });
    expect(error.result).toMatchObject({ code: 'LOCK_LOST', why: 'forced' });
    expect(await orders.loseInSilence('7')).toBe('done');
  });
});
