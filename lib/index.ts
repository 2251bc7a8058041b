export { currentLock } from './core/context.js';
export type { Duration } from './core/duration.js';
export {
  LockBusyError,
  LockClosedError,
  LockError,
  LockKeyError,
  LockLostError,
  type LockLostWhy,
  LockOptionsError,
  LockUnavailableError,
  LockUpgradeError,
} from './core/errors.js';
export type { LockHolder, LockInspection, LockWaiter } from './core/inspection.js';
export type { JobLimit, JobOptions } from './core/job-options.js';
export type { DeposedReason, ElectionListener, ElectOptions, LeaderElection } from './core/leader-election.js';
export type { Lock } from './core/lock.js';
export type {
  Busy,
  Claim,
  Completion,
  Granted,
  LockStore,
  LockStoreExtras,
  Owned,
  Owner,
  PushedGrant,
  ReleaseAnswer,
  StoreHolder,
  StoreListener,
  StoreState,
  StoreWaiter,
} from './core/lock-store.js';
export type { LockedBody } from './core/locker.js';
export type { LockName } from './core/names.js';
export type { OnceOptions, OnceResult } from './core/once.js';
export type { LockMode, LockOptions } from './core/options.js';
export type { LockLogger, LockServiceOptions } from './core/service-options.js';
export { createLockService } from './create-lock-service.js';
export { InjectLocks } from './decorators/inject-locks.decorator.js';
export { LockParam } from './decorators/lock-param.decorator.js';
export { Locked } from './decorators/locked.decorator.js';
export type {
  KeylessDecorator,
  LockedDecorator,
  LockedKey,
  NotLockable,
} from './decorators/locked-decorator.js';
export { OnElected } from './decorators/on-elected.decorator.js';
export { Once, type OnceKey } from './decorators/once.decorator.js';
export type {
  LockModuleExtras,
  LockModuleOptions,
  LockOptionsFactory,
  LockStoreOptions,
} from './interfaces/lock-module-options.interface.js';
export type { CallSignal, LockedOptions, SkippingLockedOptions } from './interfaces/locked-options.interface.js';
export type { OnElectedOptions } from './interfaces/on-elected-options.interface.js';
export type { OnceMethodOptions } from './interfaces/once-method-options.interface.js';
export { JobLocks } from './jobs/job-locks.js';
export type { JobElement } from './jobs/job-names.js';
export { JobSemaphore } from './jobs/job-semaphore.js';
export { getLockServiceToken } from './lock.constants.js';
export { LockExceptionFilter } from './lock.exception-filter.js';
export { LockModule } from './lock.module.js';
export { LockService, type TryRunResult } from './lock.service.js';
export { MemoryLockStore, type MemoryLockStoreOptions } from './memory/memory-lock-store.js';
export type { RedisClient } from './redis/redis-client.js';
export type { RedisSource } from './redis/redis-source.js';
export { createLockManager, type LockManager, type WebLockOptions } from './web-locks/lock-manager.js';
export type { LockManagerSnapshot, WebLockInfo } from './web-locks/snapshot.js';
export type { WebLock } from './web-locks/web-lock.js';
