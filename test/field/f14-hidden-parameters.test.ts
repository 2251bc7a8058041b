// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Injectable, type Type } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { currentLock, Locked, LockKeyError, LockModule, LockParam } from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

type Fn = (...args: unknown[]) => unknown;

/** Decorators that put another function in the place of the method, as those of transactions do. */
const WRAPPERS: Record<string, (original: Fn) => Fn> = {
  'a function that uses `arguments`': (original) =>
    function (this: unknown) {
      // biome-ignore lint/complexity/noArguments: this is what such decorators do.
      return original.apply(this, [...arguments]);
    },
  'a rest parameter': (original) =>
    function (this: unknown, ...args: unknown[]) {
      return original.apply(this, args);
    },
  'a bound function': (original) =>
    // Nest's scopes bind methods so.
    function (this: unknown) {
      // biome-ignore lint/complexity/noArguments: see above.
      return original.apply(this, [...arguments]);
    }.bind({}),
  'a proxy': (original) => new Proxy(original, {}),
  'a function of another parameter': (original) =>
    function (this: unknown, _context: unknown) {
      // biome-ignore lint/complexity/noArguments: see above.
      return original.apply(this, [...arguments]);
    },
};

const wrapped =
  (wrap: (original: Fn) => Fn): MethodDecorator =>
  (_target, _method, descriptor: PropertyDescriptor) => {
    descriptor.value = wrap(descriptor.value as Fn);
  };

async function start<T>(type: Type<T>): Promise<T> {
  const app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [type] });
  onTestFinished(() => app.close());
  return app.get(type);
}

describe.each(Object.entries(WRAPPERS))('A method behind %s', (_what, wrap) => {
  const define = (key: string) => {
    @Injectable()
    class Accounts {
      @Locked(key)
      @wrapped(wrap)
      async debit(id: string, owner: { name: string }): Promise<unknown> {
        return currentLock()?.name;
      }
    }
    return Accounts;
  };

  it('is refused by name, with the remedies', () => {
    expect(() => define('account:<id>')).toThrow(LockKeyError);
    expect(() => define('account:<id>')).toThrow(/Accounts\.debit .*@LockParam\('id'\).*<0>.*function/);
  });

  it('has its parameters by position', async () => {
    const accounts = await start(define('account:<0>:<1.name>'));
    expect(await accounts.debit('7', { name: 'Ann' })).toBe('account:7:Ann');
  });

  it('has its parameters by @LockParam, and by position beside it', async () => {
    @Injectable()
    class Accounts {
      @Locked('account:<id>:<1.name>')
      @wrapped(wrap)
      async debit(@LockParam('id') id: string, owner: { name: string }): Promise<unknown> {
        return currentLock()?.name;
      }
    }
    expect(await (await start(Accounts)).debit('7', { name: 'Ann' })).toBe('account:7:Ann');
  });

  it('has its parameters by a function', async () => {
    @Injectable()
    class Accounts {
      @Locked((id: string) => `account:${id}`)
      @wrapped(wrap)
      async debit(id: string): Promise<unknown> {
        return currentLock()?.name;
      }
    }
    expect(await (await start(Accounts)).debit('7')).toBe('account:7');
  });

  it('has its parameters by name below it, where the lock does not go around the wrapper', async () => {
    @Injectable()
    class Accounts {
      @wrapped(wrap)
      @Locked('account:<id>')
      async debit(id: string): Promise<unknown> {
        return currentLock()?.name;
      }
    }
    if (wrap === WRAPPERS['a bound function']) return;
    expect(await (await start(Accounts)).debit('7')).toBe('account:7');
  });
});

describe('A position', () => {
  it('is refused beyond parameters that are to be seen', () => {
    const define = () => {
      class Accounts {
        @Locked('account:<2>')
        async debit(id: string, n: number): Promise<void> {}
      }
      return Accounts;
    };
    expect(define).toThrow(LockKeyError);
    expect(define).toThrow(/<2> of Accounts\.debit .*\(id, n\)/);
  });

  it('is refused where the compiler says that there is none', () => {
    expect(() => {
      class Accounts {
        @Locked('account:<0>')
        async debit(): Promise<void> {}
      }
      return Accounts;
    }).toThrow(/<0> of Accounts\.debit/);
  });

  it('is refused at the call where it turns out that there is nothing', async () => {
    @Injectable()
    class Accounts {
      @Locked('account:<5>')
      @wrapped(WRAPPERS['a rest parameter'] as (original: Fn) => Fn)
      async debit(id: string): Promise<void> {}
    }
    await expect((await start(Accounts)).debit('7')).rejects.toThrow(/Accounts\.debit.*<5>/);
  });
});

describe('@LockParam', () => {
  it('gives a name to one parameter only', () => {
    expect(() => {
      class Accounts {
        async debit(@LockParam('id') a: string, @LockParam('id') b: string): Promise<void> {}
      }
      return Accounts;
    }).toThrow(/@LockParam\('id'\) .*Accounts\.debit/);
  });
});

describe('A lock around a transaction', () => {
  it('goes around the commit, so that no update is lost', async () => {
    let committed = 100;

    /** What is written is to be seen by others only after the method has ended. */
    const transactional = wrapped(
      (original) =>
        async function (this: unknown, ...args: unknown[]) {
          const transaction = { balance: committed };
          const result = await original.apply(this, [...args, transaction]);
          await Promise.resolve();
          committed = transaction.balance;
          return result;
        },
    );

    @Injectable()
    class Accounts {
      @Locked('account:<0>')
      @transactional
      async debit(id: string, n: number, transaction?: { balance: number }): Promise<void> {
        await Promise.resolve();
        transaction!.balance -= n;
      }
    }
    const accounts = await start(Accounts);
    await Promise.all(Array.from({ length: 5 }, () => accounts.debit('7', 1)));
    expect(committed).toBe(95);
  });
});
