import {
  Controller,
  type DynamicModule,
  Get,
  Injectable,
  Module,
  type OnApplicationShutdown,
  Param,
  type Type,
} from '@nestjs/common';
import { type AbstractHttpAdapter, ModulesContainer } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModule } from '@nestjs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  type Lock,
  LockClosedError,
  Locked,
  LockModule,
  type LockModuleOptions,
  LockService,
  MemoryLockStore,
  Once,
  OnElected,
} from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { FaultyStore } from '../support/faulty-store.js';
import { Room, TestApp } from '../support/nest.js';

@Controller()
class Orders {
  readonly room = new Room();

  @Get(':id/:visitor')
  @Locked('order:<id>')
  async pay(@Param('id') id: string, @Param('visitor') visitor: string): Promise<string> {
    await this.room.visit(visitor);
    return `${id} is paid`;
  }
}

@Injectable()
class Reports {
  readonly terms: Lock[] = [];

  @OnElected('reports')
  lead(lock: Lock): void {
    this.terms.push(lock);
  }
}

describe.each<[string, () => AbstractHttpAdapter | undefined]>([
  ['Express', () => undefined],
  ['Fastify', () => new FastifyAdapter()],
])('An application on %s that shuts down', (_framework, adapterOf) => {
  async function start(...providers: Type[]) {
    const store = new MemoryLockStore();
    const adapter = adapterOf();
    const imports = [LockModule.forRoot({ store, shutdownGrace: 0 })];
    let requests = 0;
    const count = (_request: unknown, _response: unknown, next: () => void): void => {
      requests += 1;
      next();
    };
    const app = await TestApp.start(
      { imports, controllers: [Orders], providers },
      { ...(adapter && { adapter }), configure: (nest) => nest.use(count) },
    );
    onTestFinished(() => app.close());
    const replica = await createLockService({ store });
    onTestFinished(() => replica.close());
    // Whoever asks whether the server still listens.
    app.get(Orders).room.letOut('late');
    return { app, replica, orders: app.get(Orders), locks: app.get(LockService), arrived: () => requests };
  }

  it('serves whoever was let in: who has a lock, who waits for one here, who waits for one elsewhere', async () => {
    const { app, replica, orders, arrived } = await start();
    for (const visitor of ['second', 'third']) orders.room.letOut(visitor);
    const elsewhere = await replica.acquire('order:9');
    const asked = [ask(app, '/7/first')];
    await until(() => orders.room.visitors.length === 1);
    asked.push(ask(app, '/7/second'), ask(app, '/9/third'));
    await until(() => arrived() === 3);
    await until(async () => (await replica.inspect('order:9')).waiting.length === 1);
    const closed = app.close();
    await until(() => refused(app));
    await elsewhere.release();
    orders.room.letOut('first');
    for (const answer of await Promise.all(asked)) {
      expect([answer.status, await answer.text()]).toEqual([200, expect.stringMatching(/^[79] is paid$/)]);
    }
    await closed;
  });

  it('gives up the lead while its requests are still served, and stands for no election any more', async () => {
    const { app, replica, orders, locks } = await start(Reports);
    const { terms } = app.get(Reports);
    await until(() => terms.length === 1);
    const running = ask(app, '/7/running');
    await until(() => orders.room.visitors.length === 1);
    const closed = app.close();
    const successor = await replica.acquire('reports');
    expect(terms[0]?.signal.aborted).toBe(true);
    await until(() => refused(app));
    expect(() => locks.elect('reports', { onElected: () => {} })).toThrow(/closed/);
    expect(await locks.run('another', async () => 'held')).toBe('held');
    await successor.release();
    orders.room.letOut('running');
    expect((await running).status).toBe(200);
    await closed;
    expect(terms).toHaveLength(1);
    expect((await replica.inspect('reports')).holders).toEqual([]);
  });
});

/** Without keep-alive, for which the server would wait. */
const ask = (app: TestApp, path: string): Promise<Response> => app.fetch(path, { headers: { connection: 'close' } });

const refused = (app: TestApp): Promise<boolean> =>
  ask(app, '/8/late').then(
    ({ status }) => status === 503,
    () => true,
  );

describe('An application that is closed before it has started', () => {
  it('stands for no election', async () => {
    const started = deferred<void>();
    const reached = deferred<void>();

    @Injectable()
    class Slow {
      async onModuleInit(): Promise<void> {
        reached.resolve();
        await started.promise;
      }
    }
    const store = new MemoryLockStore();
    const imports = [LockModule.forRoot({ store })];
    const module = await Test.createTestingModule({ imports, providers: [Slow, Reports] }).compile();
    const initialised = module.init();
    await reached.promise;
    // What Nest 10 and 11 do; Nest 12 lets it start first.
    for (const provider of providersOf(module)) await provider.beforeApplicationShutdown?.();
    started.resolve();
    await initialised;
    await module.close();
    expect(module.get(Reports).terms).toEqual([]);
  });
});

/** Works under a lock again and again, until Nest tells it to stop, as a worker of a queue or a cron does. */
@Injectable()
class Worker implements OnApplicationShutdown {
  readonly outcomes: unknown[] = [];
  #stopped = false;
  #working = Promise.resolve();

  constructor(readonly locks: LockService) {}

  onApplicationBootstrap(): void {
    this.#working = this.#work();
  }

  /** Lets a few more rounds begin first: whoever closes before this is found out. */
  async onApplicationShutdown(): Promise<void> {
    const before = this.outcomes.length;
    await until(() => this.outcomes.length > before + 3);
    this.#stopped = true;
    await this.#working;
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      this.outcomes.push(await this.locks.run('work', async () => 'done').catch(({ code }) => code));
      await new Promise(setImmediate);
    }
  }
}

/** Takes a lock in each hook. */
@Injectable()
class Hooks {
  readonly seen: string[] = [];
  constructor(readonly locks: LockService) {}

  onModuleDestroy = () => this.#look('onModuleDestroy');
  beforeApplicationShutdown = () => this.#look('beforeApplicationShutdown');
  onApplicationShutdown = () => this.#look('onApplicationShutdown');

  async #look(hook: string): Promise<void> {
    await this.locks
      .run(hook, async () => this.seen.push(hook))
      .catch(({ code }) => this.seen.push(`${hook}: ${code}`));
  }
}

describe.each<[string, Partial<LockModuleOptions> & { isGlobal?: boolean }]>([
  ['global', {}],
  ['not global', { isGlobal: false }],
])('A registration that is %s closes last', (_scope, options) => {
  const registrations: [string, () => DynamicModule][] = [
    ['forRoot', () => LockModule.forRoot({ store: 'memory', ...options })],
    ['forRootAsync', () => LockModule.forRootAsync({ useFactory: () => ({ store: 'memory' }), ...options })],
  ];

  it.each(
    registrations.flatMap(([how, locksOf]) =>
      [false, true].flatMap((isGlobal) => [true, false].map((first) => [how, isGlobal, first, locksOf] as const)),
    ),
  )('%s; whoever works under locks is global: %s, imported after it: %s', async (_how, isGlobal, first, locksOf) => {
    const locks = locksOf();

    @Module({ imports: [locks], providers: [Worker, Hooks] })
    class Work {}
    const work: DynamicModule = { module: Work, global: isGlobal };

    @Module({ imports: [work, locks], providers: [Hooks] })
    class Root {
      constructor(readonly hooks: Hooks) {}
    }
    const imports = first ? [locks, work] : [work, locks];
    const app = await TestApp.start({ imports: [...imports, Root] });
    const worker = app.get(Worker);
    const { hooks } = app.get(Root);
    await until(() => worker.outcomes.length > 0);
    await app.close();
    expect(new Set(worker.outcomes)).toEqual(new Set(['done']));
    for (const { seen } of [hooks, app.get(Hooks)]) {
      expect(seen).toEqual(['onModuleDestroy', 'beforeApplicationShutdown', 'onApplicationShutdown']);
    }
    await expect(app.get(LockService).acquire('a')).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
  });
});

describe('The last tick of a cron', () => {
  it('still gets the answer for its lock, and its turn in this process, although the application shuts down', async () => {
    const asked = deferred<void>();
    const answer = deferred<void>();
    const faulty = new FaultyStore();
    const imports = [LockModule.forRoot({ store: faulty.store })];
    const app = await TestApp.start({ imports });
    onTestFinished(() => app.close());
    const locks = app.get(LockService);
    faulty.faults.acquire = async (call) => {
      asked.resolve();
      await answer.promise;
      return call();
    };
    const ticks = [1, 2, 3].map((tick) => locks.run('tick', async () => tick));
    await asked.promise;
    const closed = app.close();
    await until(() => refused(app));
    answer.resolve();
    expect(await Promise.all(ticks)).toEqual([1, 2, 3]);
    await closed;
  });
});

describe('A method that is skipped when its lock is busy', () => {
  @Injectable()
  class Jobs {
    readonly ran: string[] = [];

    @Locked('tick', { onBusy: 'skip', wait: '1h' })
    async tick(): Promise<void> {
      this.ran.push('tick');
    }

    @Once('migration', { onBusy: 'skip', wait: '1h', remember: '1h' })
    async migrate(): Promise<void> {
      this.ran.push('migration');
    }

    @Locked('strict')
    async strict(): Promise<void> {}

    @Locked('failing', { onBusy: 'skip' })
    async failing(): Promise<void> {
      await this.strict();
    }
  }

  it('is skipped when the application shuts down, whether it waits or comes then', async () => {
    const store = new MemoryLockStore();
    const app = await TestApp.start({ imports: [LockModule.forRoot({ store })], providers: [Jobs] });
    onTestFinished(() => app.close());
    const elsewhere = await createLockService({ store });
    await elsewhere.acquire('tick');
    await elsewhere.acquire('migration');
    const jobs = app.get(Jobs);
    const waiting = [jobs.tick(), jobs.migrate()];
    await until(async () => (await elsewhere.inspect('migration')).waiting.length === 1);
    await app.close();
    expect(await Promise.all([...waiting, jobs.tick(), jobs.migrate()])).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(jobs.ran).toEqual([]);
    await expect(jobs.strict()).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
  });

  it('fails with what its body throws, also when that is the refusal of another lock', async () => {
    const imports = [LockModule.forRoot({ store: 'memory', shutdownGrace: 0 })];
    const app = await TestApp.start({ imports, providers: [Jobs] });
    onTestFinished(() => app.close());
    const jobs = app.get(Jobs);
    const called = deferred<void>();
    jobs.strict = () => called.promise;
    const failing = jobs.failing();
    called.reject(new LockClosedError('strict'));
    await expect(failing).rejects.toMatchObject({ code: 'LOCK_CLOSED', lockName: 'strict' });
  });
});

/** Everything that Nest would call a hook of. */
function providersOf(module: TestingModule): { beforeApplicationShutdown?(): unknown }[] {
  const modules = [...module.get(ModulesContainer, { strict: false }).values()];
  const instances = modules.flatMap(({ providers }) => [...providers.values()]).map(({ instance }) => instance);
  return instances.filter((instance) => typeof instance === 'object' && instance !== null);
}
