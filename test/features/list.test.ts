import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  type ListedLock,
  Locked,
  LockModule,
  LockOptionsError,
  type LockService,
  type LockStore,
  MemoryLockStore,
} from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('The list of locks', () => {
  let store: MemoryLockStore;
  let here: LockService;
  let there: LockService;
  const services: LockService[] = [];

  async function open(instance: string, of: LockStore = store): Promise<LockService> {
    const service = await createLockService({ store: of, instance, shutdownGrace: 0 });
    services.push(service);
    return service;
  }

  beforeEach(async () => {
    store = new MemoryLockStore();
    here = await open('here');
    there = await open('there');
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  async function listed(name: string): Promise<ListedLock | undefined> {
    return (await here.list(name)).locks.find((lock) => lock.name === name);
  }

  it('has who holds and who waits, in all processes', async () => {
    const lock = await here.acquire('order:1');
    await there.acquire('order:2', { mode: 'shared' });
    await there.acquire('else');
    there.acquire('order:1').catch(() => {});
    await soon();
    const { locks, next } = await there.list('order:');
    expect(next).toBeUndefined();
    expect(locks).toEqual([
      {
        name: 'order:1',
        lastToken: lock.fencingToken,
        holders: [
          {
            instance: 'here',
            mode: 'exclusive',
            token: lock.fencingToken,
            since: expect.any(Date),
            remaining: expect.any(Number),
            retained: false,
            method: undefined,
            answers: true,
          },
        ],
        waiting: [
          {
            instance: 'there',
            mode: 'exclusive',
            waited: expect.any(Number),
            callers: 1,
            methods: [],
            holds: [],
            answers: true,
          },
        ],
      },
      expect.objectContaining({ name: 'order:2', waiting: [] }),
    ]);
    expect((await here.list()).locks.map(({ name }) => name)).toEqual(['else', 'order:1', 'order:2']);
  });

  it('comes in pages', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `page:${index}`);
    for (const name of names) await here.acquire(name);
    const seen: string[] = [];
    for (let after: string | undefined, pages = 0; pages < 4; pages += 1) {
      const page = await there.list('page:', { limit: 3, ...(after && { after }) });
      seen.push(...page.locks.map(({ name }) => name));
      expect(page.locks.length).toBeLessThanOrEqual(3);
      after = page.next;
      if (after === undefined) break;
    }
    expect(seen).toEqual(names);
  });

  it('knows what the call chains of those who wait hold', async () => {
    await here.acquire('b');
    const inner = there.run('a', () => there.run('c', () => there.acquire('b', { wait: '1m' })));
    inner.catch(() => {});
    await soon();
    const lock = await listed('b');
    expect(lock?.waiting).toMatchObject([{ instance: 'there', holds: ['c', 'a'] }]);
  });

  it('knows the decorated methods of those who hold and wait', async () => {
    let release = (): void => {};
    @Injectable()
    class Orders {
      @Locked('order:<id>')
      async pay(id: string): Promise<string> {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return id;
      }

      @Locked('order:<id>')
      async refund(id: string): Promise<string> {
        return id;
      }
    }
    const app = await TestApp.start({ imports: [LockModule.forRoot({ store })], providers: [Orders] });
    onTestFinished(() => app.close());
    const paying = app.get(Orders).pay('1');
    const refunding = app.get(Orders).refund('1');
    await soon();
    expect(await listed('order:1')).toMatchObject({
      holders: [{ method: 'Orders.pay' }],
      waiting: [{ methods: ['Orders.refund'] }],
    });
    release();
    await Promise.all([paying, refunding]);
  });

  it('has processes that do not answer, without what only they know', async () => {
    class Deaf extends MemoryLockStore {
      override async ask(): Promise<ReadonlyMap<string, string>> {
        return new Map([['nobody', '{}']]);
      }
    }
    const deaf = await open('deaf', new Deaf());
    await deaf.acquire('door');
    const { locks } = await deaf.list();
    expect(locks).toMatchObject([{ name: 'door', holders: [{ instance: 'deaf', method: undefined, answers: false }] }]);
  });

  it.each(['', 'no JSON', '7', 'null', '{"held":7,"waiting":[null,{"name":5}]}'])(
    'is not led astray by an answer that is none: %j',
    async (answer) => {
      class Odd extends MemoryLockStore {
        override async ask(instances: readonly string[]): Promise<ReadonlyMap<string, string>> {
          return new Map(instances.map((instance) => [instance, answer]));
        }
      }
      const odd = await open('odd', new Odd());
      await odd.acquire('door');
      expect((await odd.list()).locks).toMatchObject([{ holders: [{ method: undefined }], waiting: [] }]);
    },
  );

  it('is refused where the store keeps none, with a remedy', async () => {
    const whole = new MemoryLockStore();
    const { acquire, renew, release, withdraw, inspect, force, subscribe } = whole;
    const methods = { acquire, renew, release, withdraw, inspect, force, subscribe };
    const bound = Object.fromEntries(Object.entries(methods).map(([key, method]) => [key, method.bind(whole)]));
    const poor = await open('poor', bound as unknown as LockStore);
    await expect(poor.list()).rejects.toThrow(/names\(\), which this one lacks: use another store/);
  });

  it.each([[{ limit: 0 }], [{ limit: 1_001 }], [{ limit: 1.5 }], [{ limit: '5' }], [{ first: 1 }], [null]])(
    'has no options %j',
    async (options) => {
      await expect(here.list('', options as { limit: number })).rejects.toThrow(LockOptionsError);
    },
  );
});
