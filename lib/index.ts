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
  StoreNote,
  StoreState,
  StoreStatus,
  StoreWaiter,
} from './core/lock-store.js';
export type { LockedBody } from './core/locker.js';
export type { LockLogger } from './core/logger.js';
export type { LockName } from './core/names.js';
export type { LockMode, LockOptions } from './core/options.js';
export type { LockHolder, LockInspection, LockWaiter } from './core/store-calls.js';
export type { LockHealth, LockHealthOptions } from './features/health.js';
export type { DeposedReason, ElectionListener, ElectOptions, LeaderElection } from './features/leader-election.js';
export type { ListedHolder, ListedLock, ListedWaiter, LockListOptions, LockPage } from './features/list.js';
export type { OnceOptions, OnceResult } from './features/once.js';
export { InjectLocks } from './nest/decorators/inject-locks.decorator.js';
export { LockParam } from './nest/decorators/lock-param.decorator.js';
export { Locked } from './nest/decorators/locked.decorator.js';
export type {
  KeylessDecorator,
  LockedDecorator,
  LockedKey,
  NotLockable,
} from './nest/decorators/locked-decorator.js';
export type { CallSignal, LockedOptions, SkippingLockedOptions } from './nest/decorators/locked-options.js';
export { OnElected } from './nest/decorators/on-elected.decorator.js';
export type { OnElectedOptions } from './nest/decorators/on-elected-options.js';
export { Once, type OnceKey } from './nest/decorators/once.decorator.js';
export type { OnceMethodOptions } from './nest/decorators/once-method-options.js';
export { getLockServiceToken } from './nest/lock.constants.js';
export { LockExceptionFilter } from './nest/lock.exception-filter.js';
export { LockModule } from './nest/lock.module.js';
export type { JournalEntry, JournalOptions } from './observe/journal.js';
export type {
  AcquisitionEvent,
  LockAborted,
  LockAcquired,
  LockBusy,
  LockDeposed,
  LockElected,
  LockEvent,
  LockLost,
  LockMarked,
  LockObserver,
  LockReleased,
  LockSkipped,
  LockTrouble,
  LockTroubleOver,
  LockUnavailable,
  LockWaited,
  ObservedService,
  StoreCalled,
} from './observe/lock-observer.js';
export { createLockService } from './service/create-lock-service.js';
export type {
  LockModuleExtras,
  LockModuleOptions,
  LockOptionsFactory,
  LockStoreOptions,
} from './service/lock-module-options.js';
export { LockService, type TryRunResult } from './service/lock-service.js';
export type { LockServiceOptions } from './service/service-options.js';
export { MemoryLockStore, type MemoryLockStoreOptions } from './stores/memory/memory-lock-store.js';
export type { RedisClient } from './stores/redis/redis-client.js';
export type { RedisSource } from './stores/redis/redis-source.js';
