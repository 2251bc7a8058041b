// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Injectable, SetMetadata, type Type } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  currentLock,
  Locked,
  type LockedKey,
  type LockedOptions,
  LockKeyError,
  LockModule,
  LockOptionsError,
  LockParam,
} from '../../../lib/index.js';
import { TestApp } from '../../support/nest.js';

type Method = (...args: never[]) => unknown;

/** What a class with such a guarded method is defined with: for what TypeScript refuses. */
function define(method: Method, key: unknown, options?: unknown): void {
  class Orders {}
  const descriptor = { value: method, writable: true, enumerable: false, configurable: true };
  Locked(key as LockedKey, options as LockedOptions & { onBusy?: 'throw' })(
    Orders.prototype,
    'pay',
    descriptor as TypedPropertyDescriptor<() => Promise<void>>,
  );
}

const pay = async (orderId: string, card: object) => {};

describe('What a guarded method keeps', () => {
  const tag = Symbol('tag');
  const Tagged = (key: string | symbol, value: unknown) => SetMetadata(key, value);

  /** As decorators of caches and queues do. */
  const WithOwnProperty =
    (key: string, value: unknown): MethodDecorator =>
    (_target, _method, descriptor) => {
      Object.assign(descriptor.value as object, { [key]: value });
    };

  class Orders {
    @Tagged('above', 1)
    @Tagged(tag, 'symbol above')
    @WithOwnProperty('cacheAbove', 'x')
    @Locked('order:<orderId>')
    @WithOwnProperty('cacheBelow', 'y')
    @Tagged('below', { two: 2 })
    async pay(orderId: string, amount: number, note?: string) {
      return [orderId, amount, note];
    }

    async plain(orderId: string, amount: number, note?: string) {
      return [orderId, amount, note];
    }
  }

  const guarded = Orders.prototype.pay;

  it('is its metadata, of decorators above and below', () => {
    expect(Reflect.getMetadata('above', guarded)).toBe(1);
    expect(Reflect.getMetadata(tag, guarded)).toBe('symbol above');
    expect(Reflect.getMetadata('below', guarded)).toEqual({ two: 2 });
    expect(Reflect.getMetadataKeys(guarded)).toHaveLength(3);
    expect(Reflect.getMetadata('design:paramtypes', Orders.prototype, 'pay')).toEqual([String, Number, String]);
  });

  it('is its name, its length and its own properties', () => {
    expect(guarded.name).toBe('pay');
    expect(guarded).toHaveLength(Orders.prototype.plain.length);
    expect(Object.entries(guarded)).toEqual([
      ['cacheBelow', 'y'],
      ['cacheAbove', 'x'],
    ]);
  });

  it('is its place in the class', () => {
    const { value: _guarded, ...mine } = Object.getOwnPropertyDescriptor(Orders.prototype, 'pay') ?? {};
    const { value: _plain, ...other } = Object.getOwnPropertyDescriptor(Orders.prototype, 'plain') ?? {};
    expect(mine).toEqual(other);
    const listed = (key: PropertyKey) => Object.prototype.propertyIsEnumerable.call(Orders.prototype, key);
    expect(Reflect.ownKeys(Orders.prototype).filter(listed)).toEqual([]);
    expect(Object.getOwnPropertyNames(Orders.prototype)).toEqual(['constructor', 'pay', 'plain']);
  });

  it('stays apart from the metadata of a method of the same body', () => {
    const body = async () => {};
    const descriptor = () => ({ value: body, writable: true, enumerable: false, configurable: true });
    const first = descriptor();
    Locked('a')(Orders.prototype, 'first', first);
    SetMetadata('only', 'first')(Orders.prototype, 'first', first);
    expect(Reflect.getMetadata('only', first.value)).toBe('first');
    expect(Reflect.getMetadata('only', body)).toBeUndefined();
  });
});

describe('What throws when the class is defined', () => {
  it('is a placeholder that names no parameter, with the parameters that there are and the remedies', () => {
    expect(() => define(pay, 'order:<id>')).toThrow(LockKeyError);
    expect(() => define(pay, 'order:<id>')).toThrow(/<id> of Orders\.pay .*\(orderId, card\)/);
    expect(() => define(pay, 'order:<id>')).toThrow(/@LockParam\('id'\).*<0>.*function/);
    expect(() => define(pay, ['order:<orderId>', 'x:<id>'])).toThrow(/<id> of Orders\.pay/);
    expect(() => define(pay, 'order:<2>')).toThrow(/<2> of Orders\.pay .*\(orderId, card\)/);
    expect(() => define(({ id }: { id: string }) => id, 'order:<id>')).toThrow(/\(a pattern\)/);
  });

  it.each([
    ['an empty template', '', /empty/],
    ['an empty placeholder', 'order:<>', /<>/],
    ['a half path', 'order:<card.>', /<card\.>/],
    ['half a placeholder', 'order:<orderId', /single </],
    ['two values with nothing between them', 'order:<orderId><card.id>', /separator/],
    ['an empty array', [], /Orders\.pay/],
    ['a number', 5, /Orders\.pay/],
    ['options in the place of the key', { wait: '2s' }, /Orders\.pay/],
  ])('is %s as a key', (_what, key, message) => {
    expect(() => define(pay, key)).toThrow(LockKeyError);
    expect(() => define(pay, key)).toThrow(message);
  });

  it.each([
    ['an unknown option', { tll: '30s' }, /`tll` in @Locked of Orders\.pay/],
    ['a bad duration', { wait: '10 s' }, /`wait`/],
    ['a ttl of nothing', { ttl: 0 }, /`ttl`/],
    ['a bad onBusy', { onBusy: 'ignore' }, /`onBusy`/],
    ['a bad mode', { mode: 'reader' }, /`mode`/],
    ['permits of an exclusive lock', { mode: 'exclusive', permits: 2 }, /`permits`/],
    ['a signal that is none', { signal: true }, /`signal`/],
  ])('is %s', (_what, options, message) => {
    expect(() => define(pay, 'order:<orderId>', options)).toThrow(LockOptionsError);
    expect(() => define(pay, 'order:<orderId>', options)).toThrow(message);
  });

  it('is whatever is no method of an instance', () => {
    class Orders {
      static async pay() {}

      get paid() {
        return Promise.resolve();
      }
    }
    // biome-ignore lint/suspicious/noExplicitAny: TypeScript refuses these uses.
    const guard: any = Locked('order');
    const descriptorOf = (target: object, key: string) => Object.getOwnPropertyDescriptor(target, key);
    expect(() => guard(Orders, 'pay', descriptorOf(Orders, 'pay'))).toThrow(LockOptionsError);
    expect(() => guard(Orders, 'pay', descriptorOf(Orders, 'pay'))).toThrow(/static method .*pay/);
    expect(() => guard(Orders.prototype, 'paid', descriptorOf(Orders.prototype, 'paid'))).toThrow(LockOptionsError);
    expect(() => guard(Orders.prototype, 'paid', descriptorOf(Orders.prototype, 'paid'))).toThrow(/Orders\.paid/);
    expect(() => guard(Orders.prototype, 'card')).toThrow(/Orders\.card/);
    expect(() => guard(Orders)).toThrow(LockOptionsError);
  });

  it('is @LockParam on a parameter of a constructor', () => {
    expect(() => LockParam('id')(class {}, undefined, 0)).toThrow(LockOptionsError);
  });
});

describe('Parameters whose names are hidden', () => {
  /** As a decorator that wraps the method: its parameters are those of the wrapper. */
  const Wrapped: MethodDecorator = (_target, _method, descriptor: { value?: unknown }) => {
    const original = descriptor.value as (...args: unknown[]) => unknown;
    descriptor.value = (...args: unknown[]) => original(...args);
  };

  const start = async <T>(type: Type<T>) => {
    const app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [type] });
    onTestFinished(() => app.close());
    return app.get(type);
  };

  it('are named by @LockParam', async () => {
    @Injectable()
    class Orders {
      /** As a minifier leaves it. */
      @Locked('order:<orderId>:<line>')
      async minified(@LockParam('orderId') a: string, @LockParam('line') b: number) {
        return currentLock()?.name;
      }

      @Locked('order:<order.id>')
      async pattern(@LockParam('order') { id }: { id: string }) {
        return currentLock()?.name;
      }

      @Locked('order:<orderId>')
      async swapped(@LockParam('orderId') a: string, orderId?: string) {
        return currentLock()?.name;
      }

      @Locked('order:<orderId>')
      @Wrapped
      async wrapped(@LockParam('orderId') orderId: string) {
        return currentLock()?.name;
      }
    }
    const orders = await start(Orders);
    expect(await orders.minified('7', 1)).toBe('order:7:1');
    expect(await orders.pattern({ id: '7' })).toBe('order:7');
    expect(await orders.swapped('7', '8')).toBe('order:7');
    expect(await orders.wrapped('7')).toBe('order:7');
  });

  it('are reached by position', async () => {
    @Injectable()
    class Orders {
      @Locked('order:<0>:<1.id>')
      @Wrapped
      async wrapped(orderId: string, line: { id: number }) {
        return currentLock()?.name;
      }
    }
    expect(await (await start(Orders)).wrapped('7', { id: 1 })).toBe('order:7:1');
  });

  it('are reached by position beside one that has a name', async () => {
    @Injectable()
    class Orders {
      @Locked('order:<orderId>:<1>')
      @Wrapped
      async wrapped(@LockParam('orderId') orderId: string, line: number) {
        return currentLock()?.name;
      }
    }
    expect(await (await start(Orders)).wrapped('7', 1)).toBe('order:7:1');
  });
});
