// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Controller, Get, Injectable, Param } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  currentLock,
  getLockServiceToken,
  type Lock,
  LockClosedError,
  LockExceptionFilter,
  Locked,
  LockLostError,
  LockModule,
  type LockModuleOptions,
  LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import { until } from '../support/event.js';
import { Room, TestApp } from '../support/nest.js';
import { unique, useRedis } from '../support/redis.js';

@Controller()
class Orders {
  readonly room = new Room();

  @Get(':id/:visitor')
  @Locked('order:<id>')
  async pay(@Param('id') id: string, @Param('visitor') visitor: string) {
    await this.room.visit(visitor);
    return { lost: currentLock()?.signal.aborted };
  }
}

/** An application, and a service elsewhere that shares its store. */
async function start(options: Partial<LockModuleOptions> = {}) {
  const store = new MemoryLockStore();
  const locks = LockModule.forRoot({ store, ...options } as LockModuleOptions);
  let requests = 0;
  const configure = (nest: TestApp['nest']) => {
    nest.useGlobalFilters(new LockExceptionFilter(nest.get(HttpAdapterHost)));
    nest.use((_request: unknown, _response: unknown, next: () => void) => {
      requests += 1;
      next();
    });
  };
  const app = await TestApp.start({ imports: [locks], controllers: [Orders] }, { configure });
  onTestFinished(() => app.close());
  const elsewhere = await createLockService({ store });
  onTestFinished(() => elsewhere.close());
  return { app, elsewhere, locks: app.get(LockService), orders: app.get(Orders), requests: () => requests };
}

describe('When the application closes', () => {
  it('no lock is handed out any more', async () => {
    const { app, locks, orders } = await start();
    await app.close();
    await expect(locks.acquire('a')).rejects.toThrow(LockClosedError);
    await expect(locks.tryAcquire('a')).rejects.toThrow(LockClosedError);
    await expect(locks.run('a', async () => {})).rejects.toThrow(LockClosedError);
    await expect(locks.tryRun('a', async () => {})).rejects.toThrow(LockClosedError);
    await expect(orders.pay('7', 'late')).rejects.toMatchObject({ code: 'LOCK_CLOSED', lockName: 'order:7' });
    expect(orders.room.visitors).toEqual([]);
  });

  it('those who wait are told soon, and leave the queue', async () => {
    const { app, elsewhere, locks, orders } = await start();
    await using held = await elsewhere.acquire('order:7');
    const waiters = [locks.acquire('order:7'), locks.run('order:7', async () => {}), orders.pay('7', 'waiting')];
    const outcomes = Promise.allSettled(waiters);
    await until(async () => (await elsewhere.inspect('order:7')).waiting.length > 0);
    await app.close();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'LOCK_CLOSED' } });
    }
    expect((await elsewhere.inspect('order:7')).waiting).toEqual([]);
    expect(held.held).toBe(true);
    expect(orders.room.visitors).toEqual([]);
  });

  it('requests that were let in are answered, also those that wait for a lock, before it is free for others', async () => {
    const { app, elsewhere, orders, requests } = await start();
    orders.room.letOut('late');
    const running = app.fetch('/7/running', { headers: { connection: 'close' } });
    await until(() => orders.room.visitors.length === 1);
    const waiting = app.fetch('/7/waiting', { headers: { connection: 'close' } });
    await until(() => requests() === 2);
    const closed = app.close();
    const refused = () => app.fetch('/8/late').then(() => false, () => true); // biome-ignore format: one line
    await until(refused);
    expect(await elsewhere.tryAcquire('order:7')).toBeNull();
    orders.room.letOut('running');
    expect(await (await running).json()).toEqual({ lost: false });
    orders.room.letOut('waiting');
    expect(await (await waiting).json()).toEqual({ lost: false });
    await closed;
    await using lock = await elsewhere.acquire('order:7', { wait: 0 });
    expect(lock.held).toBe(true);
  });

  it('a body that outlasts the grace is told, and its lock is free before it ends', async () => {
    const { app, elsewhere, locks } = await start({ shutdownGrace: 50 });
    const room = new Room();
    let lock: Lock | undefined;
    const running = locks.run('a', { ttl: '1h' }, async (held) => {
      lock = held;
      await room.visit('body');
      return 'done';
    });
    const outcome = running.catch((error: unknown) => error);
    await until(() => lock);
    const since = performance.now();
    await app.close();
    expect(performance.now() - since).toBeGreaterThan(45);
    expect(lock).toMatchObject({ held: false, signal: { aborted: true, reason: { why: 'released' } } });
    await using _next = await elsewhere.acquire('a', { wait: 0 });
    room.letOut('body');
    expect(await outcome).toBeInstanceOf(LockLostError);
    expect(await outcome).toMatchObject({ why: 'released', result: 'done' });
  });

  it('a lock that was acquired without a body is waited for, and is released when the grace is over', async () => {
    const { app, elsewhere, locks } = await start({ shutdownGrace: 50 });
    const lock = await locks.acquire('a', { ttl: '1h' });
    const { signal } = lock;
    await app.close();
    expect(lock.held).toBe(false);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'released' });
    expect(await lock.release()).toBe(false);
    await using _next = await elsewhere.acquire('a', { wait: 0 });
  });

  it('a body may go on with the lock that it has, but gets no other', async () => {
    const { app, locks } = await start();
    const room = new Room();
    const running = locks.run('a', async () => {
      await room.visit('body');
      const again = await locks.run('a', { reentrant: true }, async ({ held }) => held);
      return [again, await locks.run('b', async () => true).catch(({ code }) => code)];
    });
    await until(() => room.visitors.length === 1);
    const closed = app.close();
    await until(() =>
      locks.inspect('a').then(
        () => false,
        () => true,
      ),
    );
    room.letOut('body');
    expect(await running).toEqual([true, 'LOCK_CLOSED']);
    await closed;
  });

  it('no body ever runs without its lock, whatever the moment', async () => {
    for (let steps = 0; steps < 25; steps += 1) {
      const service = await createLockService({ store: 'memory' });
      let heldAtStart = true;
      const outcome = service.run('a', async ({ held }) => {
        heldAtStart = held;
      });
      const settled = outcome.catch(({ code }) => code);
      for (let step = 0; step < steps; step += 1) await null;
      const closed = service.close();
      expect([undefined, 'LOCK_CLOSED']).toContain(await settled);
      expect(heldAtStart).toBe(true);
      await closed;
    }
  });
});

describe('The hooks of Nest', () => {
  it('find the locks open, all of them', async () => {
    const seen: string[] = [];

    @Injectable()
    class Hooks {
      constructor(private readonly locks: LockService) {}

      onModuleDestroy = () => this.#look('onModuleDestroy');
      beforeApplicationShutdown = () => this.#look('beforeApplicationShutdown');
      onApplicationShutdown = () => this.#look('onApplicationShutdown');

      async #look(hook: string): Promise<void> {
        seen.push(await this.locks.run(hook, async () => `${hook}: open`).catch(({ code }) => `${hook}: ${code}`));
      }
    }
    await using app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [Hooks] });
    await app.close();
    expect(seen).toEqual(['onModuleDestroy: open', 'beforeApplicationShutdown: open', 'onApplicationShutdown: open']);
    await expect(app.get(LockService).acquire('a')).rejects.toThrow(LockClosedError);
  });

  it('close every registration', async () => {
    const named = LockModule.forRootAsync({ name: 'audit', useFactory: () => ({ store: 'memory' }) });
    await using app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' }), named] });
    const services = [app.get(LockService), app.get<LockService>(getLockServiceToken('audit'))];
    await app.close();
    for (const service of services) await expect(service.acquire('a')).rejects.toThrow(LockClosedError);
  });
});

describe('The connections', () => {
  const redis = useRedis();
  const namesOf = async (connectionName: string) => {
    const list = (await redis.client.client('LIST')) as string;
    return list.split('\n').filter((line) => line.includes(`name=${connectionName} `)).length;
  };

  it('that the module opened are closed, both of them', async () => {
    const connectionName = unique('own');
    const { app, locks } = await start({ store: undefined, redis: { port: redis.server.port, connectionName } });
    await locks.run('a', async () => {});
    await until(async () => (await namesOf(connectionName)) === 2);
    await app.close();
    await until(async () => (await namesOf(connectionName)) === 0);
  });

  it('that the application brought stay open, without a listener left behind', async () => {
    const connectionName = unique('brought');
    const client = redis.server.client({ connectionName });
    await client.ping();
    const before = client.eventNames().map((event) => [event, client.listenerCount(event)]);
    const { app, locks } = await start({ store: undefined, redis: client });
    await locks.run('a', async () => {});
    await until(async () => (await namesOf(connectionName)) === 2);
    await app.close();
    await until(async () => (await namesOf(connectionName)) === 1);
    expect(await client.ping()).toBe('PONG');
    expect(client.eventNames().map((event) => [event, client.listenerCount(event)])).toEqual(before);
  });
});
