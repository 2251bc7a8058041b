import { LockOptionsError } from '../core/errors.js';
import type { LockStore } from '../core/lock-store.js';
import { harmless, type LockLogger } from '../core/logger.js';
import { assertKnown, assertObject, kindOf } from '../core/options.js';
import { Observers } from '../observe/observers.js';
import { MemoryLockStore } from '../stores/memory/memory-lock-store.js';
import { Connection } from '../stores/redis/connection.js';
import { checkQuorum, openQuorum } from '../stores/redis/quorum/open-quorum.js';
import { RedisLockStore } from '../stores/redis/redis-lock-store.js';
import { checkRedisSource, type RedisSource } from '../stores/redis/redis-source.js';
import type { LockModuleOptions } from './lock-module-options.js';
import { LockService } from './lock-service.js';
import { type ResolvedServiceOptions, resolveServiceOptions, SERVICE_OPTIONS } from './service-options.js';

/** Where the locks are kept. */
const SOURCES = ['redis', 'quorum', 'store'] as const;

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
  const observers = new Observers(resolved.instance, logger);
  const { store, close } = await openStore(options, { ...resolved, logger: observers.told(logger) });
  return new LockService(store, { ...resolved, logger }, close, observers);
}

/** The options of the service; throws `LockOptionsError` for whatever can be known to be wrong without a connection. */
export function checkModuleOptions(options: unknown): ResolvedServiceOptions {
  assertObject(options, 'the options of LockModule');
  assertKnown(options, [...SERVICE_OPTIONS, ...SOURCES], 'the options of LockModule');
  const { redis, quorum, store } = options as LockModuleOptions;
  assertOneSource(options);
  if (redis !== undefined) checkRedisSource(redis);
  else if (quorum !== undefined) checkQuorum(quorum);
  else checkStore(store);
  return resolveServiceOptions(options, quorum !== undefined);
}

/** Throws for none and for several; says which were undefined. */
function assertOneSource(options: object): void {
  const named = SOURCES.filter((source) => source in options);
  const given = named.filter((source) => (options as LockModuleOptions)[source] !== undefined);
  if (given.length === 1) return;
  let found = "Here is none: give `redis`, such as process.env.REDIS_URL, or store: 'memory' for one process.";
  if (given.length > 1) {
    found = `Here are ${listed(given)}: leave out all but one.`;
  } else if (named.length > 0) {
    found = `Here ${listed(named)} ${named.length > 1 ? 'are' : 'is'} undefined: check the variable or the setting that it comes from.`;
  }
  throw new LockOptionsError(`The options of LockModule need exactly one of ${listed(SOURCES)}. ${found}`);
}

function listed(options: readonly string[]): string {
  const quoted = options.map((option) => `\`${option}\``);
  return quoted.join(', ').replace(/, (?=[^,]*$)/, ' and ');
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
  { namespace, commandTimeout, longestTtl, oneNamePerCall, logger }: ResolvedServiceOptions,
): Promise<{ store: LockStore; close: () => Promise<void> }> {
  if (store !== undefined) {
    return { store: store === 'memory' ? new MemoryLockStore() : store, close: async () => {} };
  }
  if (quorum !== undefined) {
    const quorumStore = await openQuorum(quorum as readonly RedisSource[], {
      namespace,
      commandTimeout,
      longestTtl,
      logger,
      oneNamePerCall,
    });
    return { store: quorumStore, close: () => quorumStore.close() };
  }
  const connection = await Connection.open(redis as RedisSource, logger);
  const redisStore = new RedisLockStore({ connection, namespace, commandTimeout, logger, oneNamePerCall });
  return { store: redisStore, close: () => redisStore.close() };
}
