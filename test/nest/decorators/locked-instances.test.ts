// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Injectable, type Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  currentLock,
  LockBusyError,
  Locked,
  LockModule,
  type LockModuleOptions,
  LockOptionsError,
  LockService,
  MemoryLockStore,
} from '../../../lib/index.js';
import { TestApp } from '../../support/nest.js';

const namesHere = () => currentLock()?.names;
// What a test leaves locked does not hold up its end.
const options: LockModuleOptions = { store: 'memory', shutdownGrace: 0, defaults: { wait: 0 } };
const start = (...providers: Type[]) => TestApp.start({ imports: [LockModule.forRoot(options)], providers });

describe('Several guards', () => {
  it('of one class do not get in the way of each other', async () => {
    @Injectable()
    class Orders {
      @Locked('a')
      async a() {
        return [namesHere(), await this.b()];
      }

      @Locked('b')
      async b() {
        return namesHere();
      }

      async c() {
        return namesHere();
      }
    }
    await using app = await start(Orders);
    expect(await app.get(Orders).a()).toEqual([['a'], ['b']]);
    expect(await app.get(Orders).c()).toBeUndefined();
  });

  it('of one method are all taken, the upper one first, and each sees the parameters', async () => {
    @Injectable()
    class Orders {
      @Locked('upper:<orderId>')
      @Locked('lower:<orderId>')
      async pay(orderId: string) {
        return [namesHere(), currentLock('upper:7')?.held];
      }
    }
    await using app = await start(Orders);
    expect(await app.get(Orders).pay('7')).toEqual([['lower:7'], true]);
    for (const name of ['upper:7', 'lower:7']) {
      await using _held = await app.get(LockService).acquire(name);
      await expect(app.get(Orders).pay('7')).rejects.toMatchObject({ lockName: name });
    }
  });
});

describe('Two applications in one process', () => {
  it('keep their own services, although they share the classes', async () => {
    @Injectable()
    class Orders {
      @Locked('order')
      async pay() {
        return 'paid';
      }
    }
    await using one = await start(Orders);
    await using other = await start(Orders);
    await using _held = await one.get(LockService).acquire('order');
    await expect(one.get(Orders).pay()).rejects.toThrow(LockBusyError);
    expect(await other.get(Orders).pay()).toBe('paid');
    await one.close();
    expect(await other.get(Orders).pay()).toBe('paid');
  });

  it('exclude each other when they share a store', async () => {
    @Injectable()
    class Orders {
      @Locked('order')
      async pay() {
        return 'paid';
      }
    }
    const imports = [LockModule.forRoot({ store: new MemoryLockStore(), defaults: { wait: 0 } })];
    await using one = await TestApp.start({ imports, providers: [Orders] });
    await using other = await TestApp.start({ imports, providers: [Orders] });
    await using _held = await one.get(LockService).acquire('order');
    await expect(other.get(Orders).pay()).rejects.toThrow(LockBusyError);
  });
});

describe('An object that Nest did not build', () => {
  class Orders {
    paid = 0;

    @Locked('order')
    async pay() {
      this.paid += 1;
    }
  }

  it.each([
    ['a factory', { provide: Orders, useFactory: () => new Orders() }],
    ['a value', { provide: Orders, useValue: new Orders() }],
  ])('but %s fails at the call, and the body does not run', async (_what, provider) => {
    await using app = await TestApp.start({
      imports: [LockModule.forRoot({ store: 'memory' })],
      providers: [provider],
    });
    const orders = app.get(Orders);
    await expect(orders.pay()).rejects.toThrow(LockOptionsError);
    await expect(orders.pay()).rejects.toThrow(/Orders\.pay .*not built by Nest/);
    expect(orders.paid).toBe(0);
  });

  it('fails at the call by new, and so does a method that has lost its object', async () => {
    const orders = new Orders();
    await expect(orders.pay()).rejects.toThrow(LockOptionsError);
    expect(orders.paid).toBe(0);
    const { pay } = orders;
    await expect(pay.call(undefined as never)).rejects.toThrow(LockOptionsError);
  });
});
