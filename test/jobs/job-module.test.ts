import { Inject, Injectable, Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  getLockServiceToken,
  JobLocks,
  JobSemaphore,
  LockModule,
  type LockModuleOptions,
  type LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

@Injectable()
class Accounting {
  constructor(
    readonly jobs: JobLocks,
    readonly semaphore: JobSemaphore,
  ) {}
}

@Module({ providers: [Accounting] })
class AccountingModule {}

const options = (): LockModuleOptions => ({ store: 'memory', jobs: { limits: { render: { servers: 1 } } } });

describe('LockModule', () => {
  it.each([
    ['forRoot', () => LockModule.forRoot(options())],
    ['forRootAsync', () => LockModule.forRootAsync({ useFactory: options })],
  ])('gives JobLocks and JobSemaphore to every module (%s)', async (_, locks) => {
    await using app = await TestApp.start({ imports: [AccountingModule, locks()] });
    const { jobs, semaphore } = app.get(Accounting);
    expect(await jobs.lock('invoice', 42)).toBe(true);
    expect(await jobs.lock('invoice', 42)).toBe(false);
    expect(await semaphore.tryAcquire('render')).toBe(true);
    expect(app.get(JobLocks)).toBe(jobs);
    expect(app.get(JobSemaphore)).toBe(semaphore);
  });

  it('keeps them to the modules that import it when it is not global', async () => {
    const locks = LockModule.forRoot({ ...options(), isGlobal: false });
    await expect(TestApp.start({ imports: [locks, AccountingModule] })).rejects.toThrow(/JobLocks/);
    await using app = await TestApp.start({ imports: [locks], providers: [Accounting] });
    expect(await app.get(Accounting).jobs.lock('invoice', 42)).toBe(true);
  });

  it('leaves those of a registration with a name to be made from its service', async () => {
    const store = new MemoryLockStore();
    const nightly = {
      provide: 'nightly',
      inject: [getLockServiceToken('nightly')],
      useFactory: (locks: LockService) => new JobLocks(locks),
    };

    @Injectable()
    class Nightly {
      constructor(
        readonly jobs: JobLocks,
        @Inject('nightly') readonly nightly: JobLocks,
      ) {}
    }
    const imports = [LockModule.forRoot(options()), LockModule.forRoot({ store, name: 'nightly' })];
    await using app = await TestApp.start({ imports, providers: [Nightly, nightly] });
    const both = app.get(Nightly);
    expect(await both.nightly.lock('invoice', 42)).toBe(true);
    expect(await both.jobs.lock('invoice', 42)).toBe(true);
    expect((await store.inspect('invoice:42')).holders).toHaveLength(1);

    const alone = TestApp.start({ imports: [LockModule.forRoot({ store, name: 'nightly' })], providers: [Accounting] });
    await expect(alone).rejects.toThrow(/JobLocks/);
  });
});
