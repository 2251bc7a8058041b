import { Inject, Injectable, Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { LockModule, type LockModuleOptions, LockService, MemoryLockStore } from '../../lib/index.js';
import { JobLocks, JobSemaphore, LockJobsModule } from '../../lib/jobs.js';
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

// What a test leaves locked does not hold up its end.
const options = (): LockModuleOptions => ({ store: 'memory', shutdownGrace: 0 });
const jobs = { limits: { render: { servers: 1 } } };

describe('LockJobsModule', () => {
  it.each([
    ['forRoot', () => LockJobsModule.forRoot(jobs)],
    ['forRootAsync', () => LockJobsModule.forRootAsync({ useFactory: () => jobs })],
  ])('gives JobLocks and JobSemaphore to every module (%s)', async (_, module) => {
    await using app = await TestApp.start({ imports: [AccountingModule, module(), LockModule.forRoot(options())] });
    const { jobs, semaphore } = app.get(Accounting);
    expect(await jobs.lock('invoice', 42)).toBe(true);
    expect(await jobs.lock('invoice', 42)).toBe(false);
    expect(await semaphore.tryAcquire('render')).toBe(true);
    expect(app.get(JobLocks)).toBe(jobs);
    expect(app.get(JobSemaphore)).toBe(semaphore);
  });

  it('keeps them to the modules that import it when it is not global', async () => {
    const imports = [LockModule.forRoot(options()), LockJobsModule.forRoot({ ...jobs, isGlobal: false })];
    await expect(TestApp.start({ imports: [...imports, AccountingModule] })).rejects.toThrow(/JobLocks/);
    await using app = await TestApp.start({ imports, providers: [Accounting] });
    expect(await app.get(Accounting).jobs.lock('invoice', 42)).toBe(true);
  });

  it('serves a registration with a name, and a second one is made by hand', async () => {
    const store = new MemoryLockStore();
    const other = {
      provide: 'other',
      inject: [LockService],
      useFactory: (locks: LockService) => new JobLocks(locks),
    };

    @Injectable()
    class Nightly {
      constructor(
        readonly nightly: JobLocks,
        @Inject('other') readonly jobs: JobLocks,
      ) {}
    }
    const locks = [LockModule.forRoot(options()), LockModule.forRoot({ ...options(), store, name: 'nightly' })];
    const module = LockJobsModule.forRoot({ service: 'nightly' });
    await using app = await TestApp.start({ imports: [...locks, module], providers: [Nightly, other] });
    const both = app.get(Nightly);
    expect(await both.nightly.lock('invoice', 42)).toBe(true);
    expect(await both.jobs.lock('invoice', 42)).toBe(true);
    expect((await store.inspect('invoice:42')).holders).toHaveLength(1);
  });

  it('refuses wrong options at boot', async () => {
    const module = LockJobsModule.forRoot({ limits: { render: { servers: 0 } } });
    const start = TestApp.start({ imports: [LockModule.forRoot(options()), module] });
    await expect(start).rejects.toThrow(/`servers` in `limits` of 'render'/);
  });
});
