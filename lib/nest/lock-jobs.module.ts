import { ConfigurableModuleBuilder, type FactoryProvider, Module, type Type } from '@nestjs/common';
import { JobLocks } from '../features/jobs/job-locks.js';
import type { JobOptions } from '../features/jobs/job-options.js';
import { JobSemaphore } from '../features/jobs/job-semaphore.js';
import type { LockService } from '../service/lock-service.js';
import { checkRegistrationName, getLockServiceToken } from './lock.constants.js';

/** What stands beside the options in `LockJobsModule.forRoot` and `forRootAsync`. */
export interface LockJobsModuleExtras {
  /** Whether other modules can inject `JobLocks` and `JobSemaphore` without importing this one. Default `true`. */
  isGlobal?: boolean | undefined;
  /** The registration to use: the `name` that `LockModule.forRoot` was given. Default: the one without a name. */
  service?: string | undefined;
}

const JOB_OPTIONS = Symbol('nestjs-lock:job-options');

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<JobOptions>({
  moduleName: 'LockJobs',
  optionsInjectionToken: JOB_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setExtras<LockJobsModuleExtras>(
    { isGlobal: true, service: undefined },
    (definition, { isGlobal = true, service }) => {
      checkRegistrationName(service, 'The option `service` of LockJobsModule');
      const of = <T>(provide: Type<T> & (new (locks: LockService, options: JobOptions) => T)): FactoryProvider<T> => ({
        provide,
        inject: [getLockServiceToken(service), JOB_OPTIONS],
        useFactory: (locks: LockService, options: JobOptions) => new provide(locks, options),
      });
      return {
        ...definition,
        global: isGlobal,
        providers: [...(definition.providers ?? []), of(JobLocks), of(JobSemaphore)],
        exports: [JobLocks, JobSemaphore],
      };
    },
  )
  .build();

/** Registers `JobLocks` and `JobSemaphore`, on the locks of `LockModule`. */
@Module({})
export class LockJobsModule extends ConfigurableModuleClass {}
