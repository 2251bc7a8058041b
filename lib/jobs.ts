export { JobLocks } from './features/jobs/job-locks.js';
export type { JobElement } from './features/jobs/job-names.js';
export type { JobLimit, JobOptions } from './features/jobs/job-options.js';
export { JobSemaphore } from './features/jobs/job-semaphore.js';
export { LockJobsModule, type LockJobsModuleExtras } from './nest/lock-jobs.module.js';
