import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { compileTemplate } from '../../lib/features/keys/key-template.js';
import { createLockService, currentLock, Locked, LockKeyError, LockModule } from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { TestApp } from '../support/nest.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, quiet } from '../support/stores.js';

class Id {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

@Injectable()
class Accounts {
  readonly calls: unknown[][] = [];
  gate = deferred();

  @Locked('pay:<from>:<to>', { wait: 0 })
  async pay(from: unknown, to: unknown): Promise<string> {
    this.calls.push([from, to]);
    await this.gate.promise;
    return currentLock()!.name;
  }

  @Locked('order:<order.customer.id>')
  async order(order: unknown): Promise<string> {
    this.calls.push([order]);
    return currentLock()!.name;
  }

  @Locked(['a:<0>', 'b:<1>'])
  async both(first: unknown, second: unknown): Promise<string> {
    this.calls.push([first, second]);
    return currentLock()!.names.join();
  }

  @Locked((id: unknown) => id as string)
  async byFunction(id: unknown): Promise<void> {
    this.calls.push([id]);
  }
}

/** What identifies nothing. */
const UNUSABLE: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['an empty text', ''],
  ['NaN', Number.NaN],
  ['a symbol', Symbol('id')],
  ['a function', () => 'id'],
  ['a class', Id],
  ['a plain object', { id: 1 }],
  ['an object without a prototype', Object.create(null)],
  ['an object of a class without toString()', new (class Order {})()],
  ['an object whose toString() is empty', new Id('')],
  ['an object whose toString() says [object Object]', new Id('[object Object]')],
  ['an array', ['a', 'b']],
  ['a buffer', Buffer.from('id')],
  ['an invalid date', new Date('never')],
  ['half of a surrogate pair', '\ud800'],
];

describe('trap 10: different arguments share a key', () => {
  const redis = useRedis();

  describe.each(bothStores(redis))('in $name', (store) => {
    async function boot() {
      const app = await TestApp.start({ imports: [LockModule.forRoot(store.shared())], providers: [Accounts] });
      return { app, accounts: app.get(Accounts) };
    }

    it.each([
      [
        ['a:b', 'c'],
        ['a', 'b:c'],
      ],
      [
        ['a%3Ab', 'c'],
        ['a:b', 'c'],
      ],
      [
        ['a', 'b'],
        ['A', 'b'],
      ],
      [
        ['a ', 'b'],
        ['a', ' b'],
      ],
      [
        ['<to>', 'x'],
        ['x', '<to>'],
      ],
      [
        ['é', 'x'],
        ['e\u0301', 'x'],
      ],
      [
        ['a/b', 'c'],
        ['a', 'b/c'],
      ],
      [
        ['a,b', 'c'],
        ['a', 'b,c'],
      ],
      [
        ['a}', 'b'],
        ['a', '}b'],
      ],
      [
        ['a\u0000', 'b'],
        ['a', '\u0000b'],
      ],
    ])('pay%j and pay%j do not exclude each other', async (first, second) => {
      const { app, accounts } = await boot();
      await using _ = app;
      const calls = [first, second].filter((args) => !args.includes('')).map(([from, to]) => accounts.pay(from, to));
      await until(() => accounts.calls.length === 2);
      accounts.gate.resolve();
      expect(new Set(await Promise.all(calls)).size).toBe(2);
    });

    it('the same arguments exclude each other, in every type that has the same text', async () => {
      const { app, accounts } = await boot();
      await using _ = app;
      const first = accounts.pay('7', 'b');
      await until(() => accounts.calls.length === 1);
      for (const same of [7, 7n, '7', new Id('7')]) {
        await expect(accounts.pay(same, 'b')).rejects.toMatchObject({ code: 'LOCK_BUSY' });
      }
      accounts.gate.resolve();
      await first;
    });
  });

  describe('what identifies nothing is refused with the name of the parameter, and the body does not run', () => {
    let app: TestApp | undefined;
    afterEach(() => app?.close());

    it.each(UNUSABLE)('%s', async (_, value) => {
      app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [Accounts] });
      const accounts = app.get(Accounts);
      const refused = async (call: Promise<unknown>, ...words: string[]): Promise<void> => {
        const error = await call.catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(LockKeyError);
        for (const word of words) expect((error as Error).message).toContain(word);
      };
      await refused(accounts.pay(value, 'b'), 'Accounts.pay', 'parameter from');
      await refused(accounts.pay('a', value), 'Accounts.pay', 'parameter to');
      await refused(
        accounts.order({ customer: { id: value } }),
        'Accounts.order',
        'parameter order',
        'order.customer.id',
      );
      await refused(accounts.both('a', value), 'Accounts.both', 'parameter second');
      expect(accounts.calls).toEqual([]);
    });

    it.each([
      undefined,
      null,
      {},
      { customer: undefined },
      { customer: {} },
      { customer: Object.create({ id: 'inherited' }) },
    ])('a path that leads nowhere: %j', async (order) => {
      app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [Accounts] });
      const accounts = app.get(Accounts);
      await expect(accounts.order(order)).rejects.toThrow(/Accounts\.order.*parameter order/);
      expect(accounts.calls).toEqual([]);
    });

    it.each([undefined, null, '', 7, {}, [], [''], ['a', undefined]])(
      'what a function of the arguments made: %j',
      async (key) => {
        app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [Accounts] });
        const accounts = app.get(Accounts);
        await expect(accounts.byFunction(key)).rejects.toBeInstanceOf(LockKeyError);
        expect(accounts.calls).toEqual([]);
      },
    );

    it.each([undefined, null, '', 7, {}, [], [''], ['a', undefined], 'x'.repeat(513), '\udfff'])(
      'a name that a service is given: %j',
      async (name) => {
        await using service = await createLockService({ store: 'memory' });
        await expect(service.run(name as string, async () => {})).rejects.toBeInstanceOf(LockKeyError);
        await expect(service.tryAcquire(name as string)).rejects.toBeInstanceOf(LockKeyError);
      },
    );
  });

  it.each([':', '/', '-', '.', '_', '@', ',', ' ', '}', '{', '|'])(
    'no two pairs of values make the same name around the separator "%s"',
    (separator) => {
      const nameOf = compileTemplate(`<a>${separator}<b>`, { method: 'A.b', parameters: ['a', 'b'] });
      // With these a value can imitate the separator, and its escape.
      const hex = separator.charCodeAt(0).toString(16).toUpperCase();
      const texts = textsOf([...new Set(['a', '%', separator, ...hex])], 3);
      const names = new Set(texts.flatMap((a) => texts.map((b) => nameOf([a, b]))));
      expect(names.size).toBe(texts.length ** 2);
    },
  );

  it('names that differ never share a key in Redis', async () => {
    const names = [
      'a',
      'a:shared',
      'a:queue',
      'a}',
      '{a',
      '{a}',
      'a}:shared',
      'a%7D',
      'a%257D',
      '%',
      'a\u0000',
      'a%00',
      'A',
      ' a',
      'a ',
    ];
    await using service = await createLockService({ redis: redis.url, namespace: unique('ns'), logger: quiet });
    const locks = await Promise.all(names.map((name) => service.acquire(name, { wait: 0 })));
    for (const lock of locks) expect(await lock.release()).toBe(true);
  });
});

/** All texts of 1 to `length` of the characters. */
function textsOf(characters: string[], length: number): string[] {
  if (length === 0) return [];
  const shorter = textsOf(characters, length - 1);
  return [...characters, ...shorter.flatMap((text) => characters.map((character) => text + character))].filter(
    (text, index, all) => all.indexOf(text) === index,
  );
}
