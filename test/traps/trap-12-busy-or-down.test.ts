import { Controller, Get, Injectable } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import {
  createLockService,
  LockBusyError,
  LockExceptionFilter,
  Locked,
  LockModule,
  type LockModuleOptions,
  LockService,
  LockUnavailableError,
} from '../../lib/index.js';
import { until } from '../support/event.js';
import { down, FaultyStore } from '../support/faulty-store.js';
import { TestApp } from '../support/nest.js';
import { useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { bothStores, inTests } from '../support/stores.js';

const NAME = 'lock';

@Injectable()
@Controller()
class Jobs {
  readonly ran: string[] = [];

  @Get('throwing')
  @Locked(NAME, { wait: 0 })
  async throwing(): Promise<void> {
    this.ran.push('throwing');
  }

  @Get('skipping')
  @Locked(NAME, { onBusy: 'skip' })
  async skipping(): Promise<void> {
    this.ran.push('skipping');
  }
}

type Outcome = { value: unknown } | { error: unknown };

/** Every way to ask for the lock, and what comes of each. No body may run. */
async function askAll(service: LockService, jobs: Jobs, wait = 0): Promise<Record<string, Outcome>> {
  const options = { wait };
  let ran = false;
  const body = async (): Promise<void> => {
    ran = true;
  };
  const asked = {
    acquire: () => service.acquire(NAME, options),
    'acquire, shared': () => service.acquire(NAME, { ...options, mode: 'shared' }),
    'acquire, several': () => service.acquire([NAME, 'other'], options),
    run: () => service.run(NAME, options, body),
    tryAcquire: () => service.tryAcquire(NAME),
    tryRun: () => service.tryRun(NAME, body),
    throwing: () => jobs.throwing(),
    skipping: () => jobs.skipping(),
  };
  const outcomes = Object.entries(asked).map(async ([how, ask]): Promise<[string, Outcome]> => {
    return [
      how,
      await ask().then(
        (value: unknown) => ({ value }),
        (error: unknown) => ({ error }),
      ),
    ];
  });
  const result = Object.fromEntries(await Promise.all(outcomes));
  expect([ran, ...jobs.ran]).toEqual([false]);
  return result;
}

const busy = { error: expect.objectContaining({ name: 'LockBusyError', code: 'LOCK_BUSY', lockName: NAME }) };
const unavailable = { error: expect.objectContaining({ name: 'LockUnavailableError', code: 'LOCK_UNAVAILABLE' }) };

/** An application whose store works until `breakIt` is called. */
interface Patient extends AsyncDisposable {
  readonly options: LockModuleOptions;
  breakIt(): unknown;
}

async function onServer(breakIt: (server: RedisServer) => unknown, acl?: string[]): Promise<Patient> {
  const server = await RedisServer.start(acl && { acl });
  const redis = acl ? server.urlAs('app', 'secret') : server.url;
  return {
    options: { redis, commandTimeout: 500, ...inTests },
    breakIt: () => breakIt(server),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

const OUTAGES: [string, () => Promise<Patient>][] = [
  ['Redis was killed', () => onServer((server) => server.kill())],
  ['Redis stands still', () => onServer((server) => server.pause())],
  [
    'Redis refuses',
    () =>
      onServer(
        (server) => server.client().call('ACL', 'SETUSER', 'app', '-@scripting'),
        ['app on >secret ~* &* +@all'],
      ),
  ],
  [
    'the client that was handed in was closed',
    async () => {
      const server = await RedisServer.start();
      const client = server.client();
      return {
        options: { redis: client, commandTimeout: 500, ...inTests },
        breakIt: () => client.disconnect(),
        [Symbol.asyncDispose]: () => server.stop(),
      };
    },
  ],
  [
    'a store in memory fails',
    async () => {
      const faulty = new FaultyStore();
      return {
        options: { store: faulty.store, commandTimeout: 500, ...inTests },
        breakIt: () => Object.assign(faulty.faults, { acquire: down, inspect: down }),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  ],
];

describe('trap 12: "somebody else holds it" and "the store is down" are told by the same error', () => {
  const redis = useRedis();

  async function boot(options: LockModuleOptions) {
    const filter = { provide: APP_FILTER, useClass: LockExceptionFilter };
    const imports = [LockModule.forRoot({ ...options, shutdownGrace: 0 })];
    const app = await TestApp.start({ imports, controllers: [Jobs], providers: [filter] });
    const ask = (wait?: number) => askAll(app.get(LockService), app.get(Jobs), wait);
    const status = async (path: string): Promise<number> => (await app.fetch(path)).status;
    return { app, ask, status, service: app.get(LockService) };
  }

  it('they are two classes with two codes', () => {
    const errors = [new LockBusyError('a', 0, [], 0), new LockUnavailableError('a', 'gone')];
    expect(new Set(errors.map(({ code }) => code)).size).toBe(2);
    expect(errors[0]).not.toBeInstanceOf(LockUnavailableError);
    expect(errors[1]).not.toBeInstanceOf(LockBusyError);
  });

  it.each(bothStores(redis))('when somebody else holds it, every way to ask says so ($name)', async (store) => {
    const shared = store.shared();
    await using other = await createLockService({ ...shared, instance: 'other' });
    await other.acquire(NAME);
    const { app, ask, status } = await boot(shared);
    await using _ = app;
    for (const wait of [0, 50]) {
      expect(await ask(wait)).toEqual({
        acquire: busy,
        'acquire, shared': busy,
        'acquire, several': busy,
        run: busy,
        throwing: busy,
        tryAcquire: { value: null },
        tryRun: { value: { acquired: false } },
        skipping: { value: undefined },
      });
    }
    expect([await status('/throwing'), await status('/skipping')]).toEqual([423, 200]);
  });

  // Whoever waits finds out when it asks again, up to ten seconds later.
  describe.concurrent.each(OUTAGES)('when %s', (_, prepare) => {
    it('every way to ask says that the store is unavailable, also those that return when it is busy', async () => {
      await using patient = await prepare();
      const { app, ask, status, service } = await boot(patient.options);
      await using _app = app;
      await patient.breakIt();
      const outcomes = await ask();
      for (const [how, outcome] of Object.entries(outcomes)) expect([how, outcome]).toEqual([how, unavailable]);
      expect([await status('/throwing'), await status('/skipping')]).toEqual([503, 503]);
      await expect(service.inspect(NAME)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    });

    it('a caller that waits for a holder, for ever, is told so', async () => {
      await using patient = await prepare();
      await using other = await createLockService({ ...patient.options, shutdownGrace: 0 });
      await using service = await createLockService({ ...patient.options, shutdownGrace: 0 });
      await other.acquire(NAME, { ttl: '1h' });
      const asked = service.acquire(NAME, { wait: Number.POSITIVE_INFINITY });
      const outcome = asked.catch((error: unknown) => ({ error }));
      await until(async () => (await other.inspect(NAME)).waiting.length === 1);
      await patient.breakIt();
      expect(await outcome).toEqual(unavailable);
    });
  });

  it('a service that was told so works again when Redis is back', async () => {
    await using server = await RedisServer.start();
    await using service = await createLockService({ redis: server.url, commandTimeout: 500, ...inTests });
    await server.kill();
    await expect(service.tryAcquire(NAME)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE', uncertain: false });
    await server.restart();
    const lock = await until(() => service.tryAcquire(NAME).catch(() => undefined));
    expect(await service.tryAcquire(NAME)).toBeNull();
    expect(await lock.release()).toBe(true);
  });
});
