import { inspect } from 'node:util';
import { type Duration, toMilliseconds } from './duration.js';
import { LockOptionsError } from './errors.js';

/** `'exclusive'`: one holder. `'shared'`: any number of holders, or `permits` of them, but no exclusive one. */
export type LockMode = 'exclusive' | 'shared';

/** How a lock is asked for and held. Durations are milliseconds or texts such as `'30s'`. */
export interface LockOptions {
  /**
   * The lease: for how long a holder that died blocks the others. Renewed every third of it while the holder lives.
   * Default `'15s'`. Shorter frees sooner after a crash and bears shorter stalls of the event loop or of the store.
   */
  ttl?: Duration | undefined;
  /**
   * How long to wait in the queue before `LockBusyError`. `0` does not wait, `Infinity` waits for ever. Default `'20s'`:
   * longer than the default `ttl`, so that a holder that died costs the others time and no errors.
   */
  wait?: Duration | undefined;
  /** Default `'exclusive'`. */
  mode?: LockMode | undefined;
  /**
   * With `mode: 'shared'`: how many may hold at once (a semaphore). Default: any number. Who asks is admitted only if that
   * fits this number, and the number of everybody who holds: a holder with `permits: 1` is alone.
   */
  permits?: number | undefined;
  /**
   * With so many callers waiting for the name, no further one does: it gets `LockBusyError` at once. Counts the callers
   * of this process, and the places in the store's queue, of which a process has one for each exclusive name. Default
   * `Infinity`. Bounds what a flood of requests can use up.
   */
  maxWaiting?: number | undefined;
  /**
   * A grant or a renewal counts only when so many replicas of the Redis server have it (`WAIT`); else it is undone, with
   * `LockUnavailableError`. Default `0`. Narrows what a fail-over can forget, at the price of a round trip to them.
   */
  replicas?: number | undefined;
  /** `false`: the lease ends after `ttl`, whatever happens. Default `true`. */
  renew?: boolean | undefined;
  /** Renewal stops after this long, and the lock is lost: a hung body cannot block for ever. Default `Infinity`. */
  maxHold?: Duration | undefined;
  /**
   * After a release nobody gets the lock before this much time has passed since it was acquired; after a crash, before
   * `ttl` has. Default `0`. For cron jobs: longer than the clocks of the replicas differ.
   */
  holdAtLeast?: Duration | undefined;
  /** Aborts the wait, which then rejects with the signal's reason. A lock that is held already stays. */
  signal?: AbortSignal | undefined;
  /**
   * `run`, `tryRun`, `once`, `@Locked` and `@Once` share the lock that their own call chain holds already. Default `false`:
   * they stand in line like any other caller, since an async context is inherited also by what nobody awaits (event
   * handlers, parallel calls, tasks of a queue).
   *
   * With `true`, those who share a lock run one at a time, and each waits for the others within its `wait`. What the outer
   * body goes on doing without awaiting runs beside them. What they ask for (`mode`, `permits`, `ttl`, `replicas`,
   * `holdAtLeast`, `maxHold`, `renew`) must be given by the outer lock: `LockOptionsError` otherwise. A lock whose body has
   * ended takes nobody in. `acquire` and `tryAcquire` never share.
   */
  reentrant?: boolean | undefined;
  /**
   * `run` and `@Locked`, when the body ended well but the lock was lost: `'throw'` a `LockLostError` with the body's
   * value as its `result` (default), or `'ignore'` and return the value.
   */
  onLost?: 'throw' | 'ignore' | undefined;
  /**
   * How metrics and traces call locks of this kind. Default: the template of the decorator, such as `order:<orderId>`, else
   * `'other'`. A constant: each different label is a series of its own for as long as the metrics are kept.
   */
  label?: string | undefined;
}

/** Lock options with nothing left open; durations in ms. */
export interface ResolvedLockOptions {
  readonly ttl: number;
  readonly wait: number;
  readonly mode: LockMode;
  /** How many may hold at once; `0` is exclusive. */
  readonly permits: number;
  readonly maxWaiting: number;
  readonly replicas: number;
  readonly renew: boolean;
  readonly maxHold: number;
  readonly holdAtLeast: number;
  readonly signal: AbortSignal | undefined;
  readonly reentrant: boolean;
  readonly onLost: 'throw' | 'ignore';
  readonly label: string;
  /** What the call itself gave, in contrast to what the defaults say. */
  readonly asked?: LockOptions;
  /** Where the call stands: a decorated method. Nobody's option. */
  readonly place?: string | undefined;
  /** Stands in the store's queue itself, and knows nothing of what its call chain holds. Nobody's option: for Web Locks. */
  readonly standalone?: boolean;
  /** Takes it from whoever has it. Nobody's option: for Web Locks. */
  readonly steal?: boolean;
}

/** The permits of a shared lock that nobody bounded. */
export const UNBOUNDED = Number.MAX_SAFE_INTEGER;

export const DEFAULT_LOCK_OPTIONS: ResolvedLockOptions = Object.freeze({
  ttl: 15_000,
  wait: 20_000,
  mode: 'exclusive',
  permits: 0,
  maxWaiting: Number.POSITIVE_INFINITY,
  replicas: 0,
  renew: true,
  maxHold: Number.POSITIVE_INFINITY,
  holdAtLeast: 0,
  signal: undefined,
  reentrant: false,
  onLost: 'throw',
  label: 'other',
});

const KNOWN = Object.keys(DEFAULT_LOCK_OPTIONS);

/** A decorated method, and how metrics call its locks unless the options say it. */
export interface Place {
  readonly method: string;
  readonly label?: string | undefined;
}

/** Under this key, options carry the decorated method that they belong to. Such options are frozen, and resolved once. */
export const PLACE = Symbol('nestjs-lock:place');

export type PlacedOptions = LockOptions & { readonly [PLACE]?: Place };

const RESOLVED = new WeakMap<LockOptions, { defaults: ResolvedLockOptions; resolved: ResolvedLockOptions }>();

/** `options` over `defaults`; throws `LockOptionsError` for what is wrong in `options`. `at` says where they stand. */
export function resolveLockOptions(
  defaults: ResolvedLockOptions,
  options: LockOptions | undefined,
  at = 'the lock options',
): ResolvedLockOptions {
  if (options === undefined) return defaults;
  const known = RESOLVED.get(options);
  if (known?.defaults === defaults) return known.resolved;
  const resolved = resolve(defaults, options, at);
  if (resolved.place !== undefined && Object.isFrozen(options)) RESOLVED.set(options, { defaults, resolved });
  return resolved;
}

function resolve(defaults: ResolvedLockOptions, options: PlacedOptions, at: string): ResolvedLockOptions {
  assertObject(options, at);
  assertKnown(options, KNOWN, at);
  const duration = (key: 'ttl' | 'wait' | 'maxHold' | 'holdAtLeast', min: number, infinite = false): number =>
    options[key] === undefined ? defaults[key] : toMilliseconds(options[key], key, { min, infinite });

  const mode = options.mode ?? (options.permits === undefined ? defaults.mode : 'shared');
  return Object.freeze({
    ttl: duration('ttl', 1),
    wait: duration('wait', 0, true),
    mode: oneOf('mode', mode, ['exclusive', 'shared']),
    permits: resolvePermits(mode, options, defaults),
    maxWaiting: count('maxWaiting', options.maxWaiting, 1, true) ?? defaults.maxWaiting,
    replicas: count('replicas', options.replicas, 0) ?? defaults.replicas,
    renew: flag('renew', options.renew, defaults.renew),
    maxHold: duration('maxHold', 1, true),
    holdAtLeast: duration('holdAtLeast', 0),
    signal: resolveSignal(options.signal) ?? defaults.signal,
    reentrant: flag('reentrant', options.reentrant, defaults.reentrant),
    onLost: oneOf('onLost', options.onLost ?? defaults.onLost, ['throw', 'ignore']),
    label: resolveLabel(options.label) ?? options[PLACE]?.label ?? defaults.label,
    asked: options,
    place: options[PLACE]?.method,
  });
}

function resolvePermits(mode: LockMode, { permits, mode: asked }: LockOptions, defaults: ResolvedLockOptions): number {
  if (permits === undefined) {
    if (mode === 'exclusive') return 0;
    return defaults.mode === 'shared' ? defaults.permits : UNBOUNDED;
  }
  if (asked !== 'shared' && !(asked === undefined && defaults.mode === 'shared')) {
    throw new LockOptionsError("The option `permits` counts shared holders: give `mode: 'shared'` with it.");
  }
  return count('permits', permits, 1);
}

function count(key: string, value: number, min: number, infinite?: boolean): number;
function count(key: string, value: number | undefined, min: number, infinite?: boolean): number | undefined;
function count(key: string, value: number | undefined, min: number, infinite = false): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= min)) return value;
  if (infinite && value === Number.POSITIVE_INFINITY) return value;
  const or = infinite ? ', or Infinity' : '';
  throw new LockOptionsError(
    `The option \`${key}\` is ${inspect(value)}: give a whole number of at least ${min}${or}.`,
  );
}

function resolveSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new LockOptionsError(`The option \`signal\` is ${inspect(signal, { depth: 0 })}: give an AbortSignal.`);
}

function resolveLabel(label: unknown): string | undefined {
  if (label === undefined || (typeof label === 'string' && /^[^\p{C}]{1,128}$/u.test(label))) return label;
  throw new LockOptionsError(`The option \`label\` is ${inspect(label)}: give a string of 1 to 128 characters.`);
}

function flag(key: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value === 'boolean') return value;
  throw new LockOptionsError(`The option \`${key}\` is ${inspect(value)}: give true or false.`);
}

/** Throws `LockOptionsError` for a duration beyond the option `longestTtl` of the service. `at` says where it stands. */
export function assertNoLonger(
  longest: number,
  durations: { readonly ttl: number; readonly holdAtLeast?: number },
  at?: string,
): void {
  const { ttl, holdAtLeast = 0 } = durations;
  if (ttl <= longest && holdAtLeast <= longest) return;
  const [key, ms] = ttl > longest ? ['ttl', ttl] : ['holdAtLeast', holdAtLeast];
  throw new LockOptionsError(
    `The option \`${key}\` is ${ms} ms${at ? ` in ${at}` : ''}, and no lock of this service may have more than ${longest} ms: ` +
      'give less, or raise the option `longestTtl` of LockModule for all services that share the store (with `quorum`, it ' +
      'is the longer of `ttl` and `holdAtLeast` of `defaults` unless given).',
  );
}

export function oneOf<T extends string>(key: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  const list = allowed.map((each) => `'${each}'`).join(' or ');
  throw new LockOptionsError(`The option \`${key}\` is ${inspect(value)}: give ${list}.`);
}

export function assertObject(options: unknown, at: string): asserts options is object {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  // Not what it is, which may be a URL with a password.
  throw new LockOptionsError(`Expected an object as ${at}, got ${kindOf(options)}: give an object.`);
}

/** What kind of value it is, without showing it: it may be secret, or huge. */
export function kindOf(value: unknown): string {
  if (value === undefined || Number.isNaN(value)) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : 'an object';
}

export function assertKnown(options: object, known: readonly string[], at: string): void {
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new LockOptionsError(`Unknown option \`${unknown}\` in ${at}: use one of ${known.join(', ')}.`);
}
