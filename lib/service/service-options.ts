import { hostname } from 'node:os';
import { inspect } from 'node:util';
import type { HandOverBounds } from '../core/claim.js';
import { type Duration, toMilliseconds } from '../core/duration.js';
import { LockOptionsError } from '../core/errors.js';
import type { LockerOptions } from '../core/locker.js';
import type { LockLogger } from '../core/logger.js';
import {
  assertKnown,
  assertNoLonger,
  assertObject,
  DEFAULT_LOCK_OPTIONS,
  kindOf,
  type LockOptions,
  resolveLockOptions,
} from '../core/options.js';
import { type JournalOptions, type ResolvedJournalOptions, resolveJournalOptions } from '../observe/journal.js';
import { type LockObserver, OBSERVER_METHODS } from '../observe/lock-observer.js';

/** What a lock service needs to know besides its store. */
export interface LockServiceOptions {
  /**
   * Set before every key and channel, so that several applications can share a Redis. Default `'lock'`. Services that
   * should exclude each other need the same one. No braces and no white space.
   */
  namespace?: string | undefined;
  /** How operators see this process in `inspect` and in `LockBusyError`. Default: the host name. */
  instance?: string | undefined;
  /**
   * How long one call to the store may take before it counts as unavailable. Default `'5s'`. Shorter fails sooner when
   * Redis hangs, and gives up more easily when it is only slow.
   */
  commandTimeout?: Duration | undefined;
  /** How long a shutdown waits for the bodies that run, before it releases their locks under them. Default `'10s'`. */
  shutdownGrace?: Duration | undefined;
  /**
   * A released lock goes to the next caller of the same process without Redis, at most `max` callers in a row and for
   * `within` after the grant. Default `{ max: 64, within: '10ms' }`. `max: 0`: strictly first come, first served over
   * all processes, at the price of throughput on a name that many want at once.
   */
  localHandOver?: { max?: number | undefined; within?: Duration | undefined } | undefined;
  /**
   * No lock has a longer `ttl` or `holdAtLeast`; asking for one is a `LockOptionsError`. Default: no bound; with `quorum`,
   * the longer of `ttl` and `holdAtLeast` of `defaults`. A `ttl` that is not given is never longer than this. A server of
   * a quorum has no vote for this long after its start, so that no lease which it has forgotten is left by then: give all
   * services of a quorum the same.
   */
  longestTtl?: Duration | undefined;
  /**
   * True: each lock travels in a call of its own, for a proxy that spreads the keys over several Redis servers
   * (twemproxy, Envoy). False: several may travel in one. Default: what is found at the first connection.
   */
  oneNamePerCall?: boolean | undefined;
  /** Where warnings go. Default: Nest's logger, or the console without Nest. */
  logger?: LockLogger | undefined;
  /**
   * Told what happens to the locks of this process: for metrics, traces, alarms (docs/operating.md). `LockService.observe`
   * adds one later. Default: none.
   */
  observer?: LockObserver | readonly LockObserver[] | undefined;
  /**
   * Notes in the store what an operator asks about later: locks that were lost, busy or skipped, long waits and holds,
   * elections; `LockService.journal` and the command line read it. Shared by all processes of the namespace, and gone 30 days
   * after the last note. Default: none. `{}` has the defaults.
   */
  journal?: JournalOptions | undefined;
  /** Lock options for all locks of this service, where the call does not say otherwise. */
  defaults?: LockOptions | undefined;
}

export interface ResolvedServiceOptions extends LockerOptions {
  readonly namespace: string;
  readonly oneNamePerCall: boolean | undefined;
  readonly observers: readonly LockObserver[];
  readonly journal: ResolvedJournalOptions | undefined;
}

export const SERVICE_OPTIONS: readonly string[] = [
  'namespace',
  'instance',
  'commandTimeout',
  'shutdownGrace',
  'localHandOver',
  'longestTtl',
  'oneNamePerCall',
  'logger',
  'observer',
  'journal',
  'defaults',
];

const DEFAULT_HAND_OVER: HandOverBounds = Object.freeze({ max: 64, within: 10 });

/** The options with nothing left open; throws `LockOptionsError` for what is wrong in them. */
export function resolveServiceOptions(options: LockServiceOptions, isQuorum = false): ResolvedServiceOptions {
  const bound =
    options.longestTtl === undefined ? undefined : toMilliseconds(options.longestTtl, 'longestTtl', { min: 1 });
  const ttl = Math.min(DEFAULT_LOCK_OPTIONS.ttl, bound ?? Number.POSITIVE_INFINITY);
  const given = resolveLockOptions({ ...DEFAULT_LOCK_OPTIONS, ttl }, options.defaults, '`defaults`');
  // Defaults are nothing that a call has asked for.
  const defaults = Object.freeze({ ...given, asked: {} });
  const longestByDefault = isQuorum ? Math.max(defaults.ttl, defaults.holdAtLeast) : Number.POSITIVE_INFINITY;
  const longestTtl = bound ?? longestByDefault;
  assertNoLonger(longestTtl, defaults, '`defaults`');
  return Object.freeze({
    namespace: resolveNamespace(options.namespace ?? 'lock'),
    instance: resolveInstance(options.instance ?? (hostname().slice(0, 64) || 'unknown')),
    commandTimeout: toMilliseconds(options.commandTimeout ?? 5_000, 'commandTimeout', { min: 1 }),
    shutdownGrace: toMilliseconds(options.shutdownGrace ?? 10_000, 'shutdownGrace', { min: 0 }),
    localHandOver: resolveHandOver(options.localHandOver),
    longestTtl,
    oneNamePerCall: resolveFlag(options.oneNamePerCall, 'oneNamePerCall'),
    logger: resolveLogger(options.logger),
    observers: resolveObservers(options.observer),
    journal: resolveJournalOptions(options.journal),
    defaults,
  });
}

function resolveNamespace(namespace: unknown): string {
  if (typeof namespace === 'string' && /^[^{}\s\p{C}]+$/u.test(namespace)) return namespace;
  throw new LockOptionsError(
    `The option \`namespace\` is ${inspect(namespace)}: give a text without braces, white space and control characters.`,
  );
}

function resolveInstance(instance: unknown): string {
  if (typeof instance === 'string' && /^[^\p{C}]{1,64}$/u.test(instance)) return instance;
  throw new LockOptionsError(`The option \`instance\` is ${inspect(instance)}: give a label of 1 to 64 characters.`);
}

function resolveHandOver(options: LockServiceOptions['localHandOver']): HandOverBounds {
  if (options === undefined) return DEFAULT_HAND_OVER;
  assertObject(options, '`localHandOver`');
  assertKnown(options, ['max', 'within'], '`localHandOver`');
  const { max = DEFAULT_HAND_OVER.max, within = DEFAULT_HAND_OVER.within } = options;
  if (!Number.isSafeInteger(max) || max < 0 || max > 1_000) {
    throw new LockOptionsError(
      `The option \`localHandOver.max\` is ${inspect(max)}: give a whole number from 0 to 1000.`,
    );
  }
  return Object.freeze({ max, within: toMilliseconds(within, 'localHandOver.within', { min: 0 }) });
}

function resolveFlag(flag: unknown, name: string): boolean | undefined {
  if (flag === undefined || typeof flag === 'boolean') return flag;
  throw new LockOptionsError(`The option \`${name}\` is ${inspect(flag)}: give true or false, or leave it out.`);
}

function resolveLogger(logger: LockLogger | undefined): LockLogger | undefined {
  if (logger === undefined || (typeof logger?.warn === 'function' && typeof logger.error === 'function')) return logger;
  throw new LockOptionsError('The option `logger` lacks warn() or error(): give a Nest logger, or `console`.');
}

function resolveObservers(observer: unknown): readonly LockObserver[] {
  if (observer === undefined) return [];
  const observers: unknown[] = Array.isArray(observer) ? observer : [observer];
  for (const each of observers) assertObserver(each, 'The option `observer`');
  return observers as LockObserver[];
}

/** Throws `LockOptionsError` for what cannot observe anything. `what`: where it was given. */
export function assertObserver(observer: unknown, what: string): asserts observer is LockObserver {
  const methods = typeof observer === 'object' && observer !== null ? (observer as Record<string, unknown>) : undefined;
  const wrong = OBSERVER_METHODS.find((name) => methods && !['function', 'undefined'].includes(typeof methods[name]));
  if (wrong) throw new LockOptionsError(`${what} has a \`${wrong}\` that is no function: make it a method.`);
  if (methods && OBSERVER_METHODS.some((name) => methods[name])) return;
  throw new LockOptionsError(
    `${what} is ${kindOf(observer)} without any method of an observer: give an object with some of ${OBSERVER_METHODS.join(', ')}.`,
  );
}
