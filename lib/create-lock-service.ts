import { LockOptionsError } from './core/errors.js';
import type { LockStore } from './core/lock-store.js';
import { assertKnown, assertObject, kindOf } from './core/options.js';
import {
  harmless,
  type LockLogger,
  type ResolvedServiceOptions,
  resolveServiceOptions,
  SERVICE_OPTIONS,
} from './core/service-options.js';
import type { LockModuleOptions } from './interfaces/lock-module-options.interface.js';
import { LockService } from './lock.service.js';
import { MemoryLockStore } from './memory/memory-lock-store.js';
import { Connection, checkRedisSource } from './redis/connection.js';
import { checkQuorum, openQuorum } from './redis/quorum/open-quorum.js';
import { RedisLockStore } from './redis/redis-lock-store.js';

const STORE_METHODS: readonly (keyof LockStore)[] = [
  'acquire',
  'renew',
  'release',
  'withdraw',
  'inspect',
  'force',
  'subscribe',
];

/**
 * The service without Nest: for scripts, workers, command lines. Close it at the end, or declare it with `await using`.
 * @throws LockOptionsError for wrong options. Redis being away is no error here: the calls say so.
 */
export function createLockService(options: LockModuleOptions): Promise<LockService & AsyncDisposable> {
  return openLockService(options, console);
}

export async function openLockService(options: LockModuleOptions, fallback: LockLogger): Promise<LockService> {
  const resolved = checkModuleOptions(options);
  const logger = harmless(resolved.logger ?? fallback);
  const { store, close } = await openStore(options, { ...resolved, logger });
  return new LockService(store, { ...resolved, logger }, close);
}

/** The options of the service; throws `LockOptionsError` for whatever can be known to be wrong without a connection. */
export function checkModuleOptions(options: unknown): ResolvedServiceOptions {
  assertObject(options, 'the options of LockModule');
  assertKnown(options, [...SERVICE_OPTIONS, 'redis', 'quorum', 'store'], 'the options of LockModule');
  const { redis, quorum, store } = options as Partial<LockModuleOptions>;
  if ([redis, quorum, store].filter((given) => given !== undefined).length !== 1) {
    throw new LockOptionsError(
      'The options of LockModule need exactly one of `redis`, `quorum` and `store`: give one.',
    );
  }
  if (redis !== undefined) checkRedisSource(redis);
  else if (quorum !== undefined) checkQuorum(quorum);
  else checkStore(store);
  return resolveServiceOptions(options, quorum !== undefined);
}

function checkStore(store: unknown): void {
  if (store === 'memory') return;
  const missing =
    typeof store === 'object' && store !== null
      ? STORE_METHODS.find((method) => typeof (store as Partial<LockStore>)[method] !== 'function')
      : 'everything';
  if (missing === undefined) return;
  throw new LockOptionsError(
    `The option \`store\` is ${kindOf(store)}, which lacks ${missing}: give 'memory' or an object that implements LockStore.`,
  );
}

async function openStore(
  { redis, quorum, store }: LockModuleOptions,
  { namespace, commandTimeout, longestTtl, logger }: ResolvedServiceOptions,
): Promise<{ store: LockStore; close: () => Promise<void> }> {
  if (store !== undefined) {
    return { store: store === 'memory' ? new MemoryLockStore() : store, close: async () => {} };
  }
  if (quorum !== undefined) {
    const quorumStore = await openQuorum(quorum, { namespace, commandTimeout, longestTtl, logger });
    return { store: quorumStore, close: () => quorumStore.close() };
  }
  const connection = await Connection.open(redis, logger);
  const redisStore = new RedisLockStore({ connection, namespace, commandTimeout, logger });
  return { store: redisStore, close: () => redisStore.close() };
}
