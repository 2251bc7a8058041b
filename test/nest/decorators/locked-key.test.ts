// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Injectable } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { currentLock, Locked, LockKeyError, LockModule } from '../../../lib/index.js';
import { TestApp } from '../../support/nest.js';

const namesHere = () => currentLock()?.names;

/** As an id does that wraps what is not there yet. */
const PRINT_NOTHING = ['undefined', 'null', 'NaN'].map((text) => ({ toString: () => text }));

describe('The name of the lock', () => {
  @Injectable()
  class Orders {
    @Locked('order:<orderId>')
    async byName(orderId: unknown, card?: unknown) {
      return namesHere();
    }

    @Locked('order:<order.id>:<line.product.sku>')
    async byPath(order: { id: string }, line: { product: { sku: string } }) {
      return namesHere();
    }

    @Locked('order:<1>:<0.id>')
    async byPosition(order: { id: string }, line: number) {
      return namesHere();
    }

    @Locked(['order:<b>', 'order:<a>', 'order:<a>'])
    async severalTemplates(a: string, b: string) {
      return namesHere();
    }

    @Locked((a: string, b: number) => `order:${a}/${b}`)
    async byFunction(a: string, b: number) {
      return namesHere();
    }

    @Locked((...ids: string[]) => ids.map((id) => `order:${id}`))
    async severalByFunction(...ids: string[]) {
      return namesHere();
    }
  }

  let orders: Orders;
  beforeEach(async () => {
    const app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [Orders] });
    onTestFinished(() => app.close());
    orders = app.get(Orders);
  });

  it('comes from the arguments: by name, by path and by position', async () => {
    expect(await orders.byName('7')).toEqual(['order:7']);
    expect(await orders.byPath({ id: 'x' }, { product: { sku: 'y' } })).toEqual(['order:x:y']);
    expect(await orders.byPosition({ id: 'x' }, 3)).toEqual(['order:3:x']);
  });

  it('may be several, of which each counts once', async () => {
    expect(await orders.severalTemplates('1', '2')).toEqual(['order:1', 'order:2']);
    expect(await orders.severalTemplates('1', '1')).toEqual(['order:1']);
    expect(await orders.severalByFunction('3', '1')).toEqual(['order:1', 'order:3']);
  });

  it('may be made by a function of the arguments', async () => {
    expect(await orders.byFunction('a', 1)).toEqual(['order:a/1']);
  });

  it('never is what identifies nothing: the call fails with the method and the parameter, and without the body', async () => {
    for (const value of [
      undefined,
      null,
      '',
      Number.NaN,
      Symbol('7'),
      () => '7',
      { id: '7' },
      ['7'],
      ...PRINT_NOTHING,
    ]) {
      const call = orders.byName(value);
      await expect(call).rejects.toThrow(LockKeyError);
      await expect(call).rejects.toThrow(/Orders\.byName.*orderId/);
    }
    await expect(orders.severalByFunction()).rejects.toThrow(LockKeyError);
    await expect(orders.byFunction('x'.repeat(513), 1)).rejects.toThrow(/512/);
  });

  it('escapes values, so that none imitates a separator', async () => {
    expect(await orders.byName('7:paid')).toEqual(['order:7%3Apaid']);
    expect(await orders.byPath({ id: 'a:b' }, { product: { sku: 'c' } })).not.toEqual(
      await orders.byPath({ id: 'a' }, { product: { sku: 'b:c' } }),
    );
  });
});
