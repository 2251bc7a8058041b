import { type DynamicModule, type INestApplicationContext, Injectable, Scope } from '@nestjs/common';
import { ContextIdFactory, NestFactory } from '@nestjs/core';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createLockService,
  getLockServiceToken,
  InjectLocks,
  Locked,
  LockModule,
  type LockModuleOptions,
  LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import { useRedis } from '../support/redis.js';
import { bothStores, inTests } from '../support/stores.js';

@Injectable()
class Job {
  constructor(
    readonly locks: LockService,
    @InjectLocks('audit') readonly audit: LockService,
  ) {}

  @Locked('job', { wait: 0 })
  async work(): Promise<string> {
    return 'done';
  }

  @Locked('job', { wait: 0, service: 'audit' })
  async record(): Promise<string> {
    return 'recorded';
  }
}

@Injectable()
class Heir extends Job {}

@Injectable({ scope: Scope.REQUEST })
class RequestJob {
  @Locked('job', { wait: 0 })
  async work(): Promise<string> {
    return 'done';
  }
}

const busy = { code: 'LOCK_BUSY' };

describe('trap 26: two applications in one process use each other’s service', () => {
  const redis = useRedis();
  const applications: INestApplicationContext[] = [];

  afterEach(async () => {
    await Promise.all(applications.splice(0).map((application) => application.close()));
  });

  async function start(
    options: LockModuleOptions,
    audit: LockModuleOptions = options,
  ): Promise<INestApplicationContext> {
    const root: DynamicModule = {
      module: class {},
      imports: [LockModule.forRoot(options), LockModule.forRoot({ ...audit, name: 'audit' })],
      providers: [Job, Heir, RequestJob],
    };
    const application = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    applications.push(application);
    return application;
  }

  describe.each(bothStores(redis))('in $name', (store) => {
    it('a guarded method uses the service of its own application, whichever was started last', async () => {
      const options = [store.shared(), store.shared()] as const;
      const [first, second] = [await start(options[0]), await start(options[1])];
      for (const [own, other, blocked] of [
        [first, second, options[0]],
        [second, first, options[1]],
      ] as const) {
        await using blocker = await createLockService(blocked);
        const lock = await blocker.acquire('job');
        await expect(own.get(Job).work()).rejects.toMatchObject(busy);
        await expect(own.get(Heir).work()).rejects.toMatchObject(busy);
        expect(await other.get(Job).work()).toBe('done');
        expect(await other.get(Heir).work()).toBe('done');
        await lock.release();
        expect(await own.get(Job).work()).toBe('done');
      }
    });

    it('an instance of one request uses the service of its own application', async () => {
      const options = store.shared();
      const [first, second] = [await start(options), await start(store.shared())];
      await using blocker = await createLockService(options);
      await blocker.acquire('job');
      const [own, other] = await Promise.all(
        [first, second].map((application) => application.resolve(RequestJob, ContextIdFactory.create())),
      );
      await expect(own!.work()).rejects.toMatchObject(busy);
      expect(await other!.work()).toBe('done');
    });

    it('applications that share a store exclude each other', async () => {
      const options = store.shared();
      const [first, second] = [await start(options), await start(options)];
      await first.get(LockService).run('job', async () => {
        await expect(second.get(Job).work()).rejects.toMatchObject(busy);
      });
      expect(await second.get(Job).work()).toBe('done');
    });

    it('one that is closed takes nothing from the other', async () => {
      const [first, second] = [await start(store.shared()), await start(store.shared())];
      const job = first.get(Job);
      const held = await second.get(LockService).acquire('held');
      await first.close();
      await expect(job.work()).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
      expect(held.held).toBe(true);
      expect(await second.get(Job).work()).toBe('done');
    });
  });

  it('registrations of the same name in two applications are two services', async () => {
    const audits = [
      { store: new MemoryLockStore(), ...inTests },
      { store: new MemoryLockStore(), ...inTests },
    ];
    const [first, second] = await Promise.all(audits.map((audit) => start({ store: 'memory' }, audit)));
    await using blocker = await createLockService(audits[0]!);
    await blocker.acquire('job');
    await expect(first!.get(Job).record()).rejects.toMatchObject(busy);
    expect(await first!.get(Job).work()).toBe('done');
    expect(await second!.get(Job).record()).toBe('recorded');
    expect(first!.get(Job).audit).toBe(first!.get(getLockServiceToken('audit')));
    expect(second!.get(Job).audit).toBe(second!.get(getLockServiceToken('audit')));
    expect(first!.get(Job).audit).not.toBe(second!.get(Job).audit);
    expect(first!.get(Job).audit).not.toBe(first!.get(Job).locks);
  });
});
