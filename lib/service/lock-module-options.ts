import type { LockStore } from '../core/lock-store.js';
import type { RedisSource } from '../stores/redis/redis-source.js';
import type { LockServiceOptions } from './service-options.js';

/**
 * Where the locks are kept: exactly one of these. What comes from the environment may be undefined for the compiler; when
 * it is at run time, the boot fails, and says which option was.
 */
export interface LockStoreOptions {
  /**
   * A URL or ioredis options: the module opens the connection, and closes it. Or a client (a `Redis`, a `Cluster`):
   * it is used and never closed. Either way one more connection is opened for messages.
   */
  redis?: RedisSource | undefined;
  /**
   * Three or more independent servers, each as in `redis`: a lock is held by whoever holds it on most of them. They
   * have no replicas, no Sentinels and no Cluster. See docs/quorum.md, also for `longestTtl`.
   */
  quorum?: readonly (RedisSource | undefined)[] | undefined;
  /** `'memory'`: for one process only. Or an object that implements the port; it is used and never closed. */
  store?: 'memory' | LockStore | undefined;
}

/** What `LockModule.forRoot` and `createLockService` take. */
export interface LockModuleOptions extends LockServiceOptions, LockStoreOptions {}

/** For `forRootAsync({ useClass })` and `useExisting`. */
export interface LockOptionsFactory {
  create(): LockModuleOptions | Promise<LockModuleOptions>;
}

/** What stands beside the options in `forRoot` and `forRootAsync`. */
export interface LockModuleExtras {
  /** Whether other modules can inject the service without importing this one. Default `true`. */
  isGlobal?: boolean | undefined;
  /** For several registrations in one application: `@InjectLocks(name)` and `@Locked(key, { service: name })`. */
  name?: string | undefined;
}
