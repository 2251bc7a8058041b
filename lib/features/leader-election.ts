import { runWithin } from '../core/context.js';
import { LockClosedError, type LockLostError, type LockLostWhy, LockOptionsError } from '../core/errors.js';
import type { HeldLock, Lock } from '../core/lock.js';
import type { Locker } from '../core/locker.js';
import {
  assertKnown,
  assertNoLonger,
  assertObject,
  DEFAULT_LOCK_OPTIONS,
  kindOf,
  type LockOptions,
  type ResolvedLockOptions,
  resolveLockOptions,
} from '../core/options.js';
import { runtime } from '../core/runtime.js';
import { within } from '../core/timer.js';
import type { FeatureEvents } from '../core/witness.js';

/**
 * Why a term ended: `resigned` (by `resign()` or by the shutdown of the service), `failed` (`onElected` threw), `released`
 * (the leader has released the lock itself), or how the lock was lost.
 */
export type DeposedReason = 'resigned' | 'failed' | LockLostWhy;

/** Whom an election tells. */
export interface ElectionListener {
  /**
   * This process leads, until `lock.signal` aborts; that is also when it resigns. `lock.fencingToken` is the number of
   * the term. When it throws, another process gets its turn.
   */
  onElected(lock: Lock): unknown;
  /** The term is over. Once for each `onElected`; the successor of a term that was given back waits until it has ended. */
  onDeposed?(reason: DeposedReason): unknown;
}

/** Whom an election tells, and the lease by which it leads. */
export interface ElectOptions extends ElectionListener, Pick<LockOptions, 'ttl' | 'replicas' | 'label'> {}

export interface ResolvedElectOptions {
  readonly listener: ElectionListener;
  readonly lock: ResolvedLockOptions;
}

/** `options` over `defaults`; throws `LockOptionsError` for what is wrong in `options`. */
export function resolveElectOptions(defaults: ResolvedLockOptions, options: ElectOptions): ResolvedElectOptions {
  assertObject(options, 'the options of elect()');
  const { onElected, onDeposed, ...rest } = options;
  assertKnown(rest, ['ttl', 'replicas', 'label'], 'the options of elect()');
  for (const [key, listener] of Object.entries({ onElected, onDeposed: onDeposed ?? onElected })) {
    if (typeof listener !== 'function')
      throw new LockOptionsError(`\`${key}\` of elect() is ${kindOf(listener)}: give a function.`);
  }
  const { ttl, replicas, label, place } = resolveLockOptions(defaults, rest, 'the options of elect()');
  const lock = { ...DEFAULT_LOCK_OPTIONS, ttl, replicas, label, place, wait: Number.POSITIVE_INFINITY };
  return { listener: options, lock };
}

/** A candidacy: one of several processes leads, the others wait in line. */
export interface LeaderElection extends AsyncDisposable {
  readonly name: string;
  /** Whether this process leads at this very moment, by its own clock. */
  readonly isLeader: boolean;
  /** The fencing token of this process's term; undefined while it does not lead. */
  readonly fencingToken: number | undefined;
  /**
   * Leaves for good: aborts the signal of the term, waits for `onElected` and `onDeposed` to end, at most `shutdownGrace`,
   * and hands the lead to the next. Never rejects.
   */
  resign(): Promise<void>;
}

/** Before the next attempt after an error, so that a leader that fails leaves room for others. */
const RETRY_MS = 1_000;

/** All elections of one service, which end when it closes, or before. */
export class Elections {
  readonly #locker: Locker;
  readonly #all = new Set<LeaderElection>();
  #haveResigned = false;

  constructor(locker: Locker) {
    this.#locker = locker;
    locker.beforeClose(() => this.resign());
  }

  stand(name: string, options: ElectOptions): LeaderElection {
    const { listener, lock } = resolveElectOptions(this.#locker.defaults, options);
    this.#locker.assertOpen(name);
    if (this.#haveResigned) throw new LockClosedError(name);
    assertNoLonger(this.#locker.longestTtl, lock);
    const election: LeaderElection = new Candidacy(name, listener, {
      realm: this.#locker,
      grace: this.#locker.shutdownGrace,
      acquire: (signal) => this.#locker.acquire([name], { ...lock, signal }),
      tell: (what, event) => this.#locker.witnesses?.tell(what, name, lock, event),
      warn: (message) => this.#locker.warn(message),
      over: () => this.#all.delete(election),
    });
    this.#all.add(election);
    return election;
  }

  /** Ends all of them for good; locks are had as before. */
  async resign(): Promise<void> {
    this.#haveResigned = true;
    await Promise.all([...this.#all].map((election) => election.resign()));
  }
}

export interface Campaign {
  /** The service: what `onElected` locks of the same name is its term's own. */
  readonly realm: object;
  /** How long the end of a term waits for what runs in it, in ms. */
  readonly grace: number;
  acquire(signal: AbortSignal): Promise<HeldLock>;
  /** Tells those who observe the service. */
  tell<K extends 'elected' | 'deposed'>(what: K, event: FeatureEvents[K]): void;
  warn(message: string): void;
  /** It has ended for good. */
  over(): void;
}

/** Leads, waits to lead, leads again, until it resigns. One term ends before the next begins. */
export class Candidacy implements LeaderElection {
  readonly name: string;
  readonly #listener: ElectionListener;
  readonly #campaign: Campaign;
  readonly #resigned = new AbortController();
  readonly #over: Promise<void>;
  #term: HeldLock | undefined;
  #onResigned: (() => void) | undefined;
  #warned = false;

  constructor(name: string, listener: ElectionListener, campaign: Campaign) {
    this.name = name;
    this.#listener = listener;
    this.#campaign = campaign;
    this.#over = this.#stand();
  }

  get isLeader(): boolean {
    return this.#term?.held === true;
  }

  get fencingToken(): number | undefined {
    return this.isLeader ? this.#term?.fencingToken : undefined;
  }

  resign(): Promise<void> {
    this.#resigned.abort();
    this.#onResigned?.();
    return this.#over;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }

  async #stand(): Promise<void> {
    const { acquire, over } = this.#campaign;
    const { signal } = this.#resigned;
    while (!signal.aborted) {
      try {
        const lock = await acquire(signal);
        this.#warned = false;
        if (signal.aborted) await lock.release();
        else await this.#serve(lock);
      } catch (error) {
        if (signal.aborted || error instanceof LockClosedError) break;
        this.#warnOnce(error);
        await within(RETRY_MS, this.#resignation());
      }
    }
    over();
  }

  async #serve(lock: HeldLock): Promise<void> {
    const { realm, grace, tell } = this.#campaign;
    const { fencingToken } = lock;
    const since = runtime.monotonic();
    this.#term = lock;
    tell('elected', { fencingToken });
    const elected = runWithin(realm, lock, async () => this.#listener.onElected(lock));
    const reason = await this.#endOfTerm(lock, elected);
    this.#term = undefined;
    tell('deposed', { fencingToken, held: runtime.monotonic() - since, why: reason });
    lock.stepDown();
    const ended = Promise.allSettled([elected, this.#tellDeposed(reason)]);
    await within(grace, ended);
    await lock.release().catch(() => {});
    // One term of this process ends before the next begins, however long that takes.
    await Promise.race([ended, this.#resignation()]);
    if (reason === 'failed') await within(RETRY_MS, this.#resignation());
  }

  /** Resolves when it resigns, or at once when it has; for the one step that waits for it at a time. */
  #resignation(): Promise<'resigned'> {
    return new Promise((resolve) => {
      this.#onResigned = () => resolve('resigned');
      if (this.#resigned.signal.aborted) resolve('resigned');
    });
  }

  #endOfTerm(lock: HeldLock, elected: Promise<unknown>): Promise<DeposedReason> {
    const { signal, lost } = lock;
    return new Promise((resolve) => {
      void this.#resignation().then(resolve);
      signal.addEventListener('abort', () => resolve((signal.reason as LockLostError).why));
      lock.onReleased = () => resolve('released');
      if (lost) resolve(lost.why);
      elected.catch((error: unknown) => {
        if (!signal.aborted) this.#warn('onElected', error);
        resolve('failed');
      });
    });
  }

  async #tellDeposed(reason: DeposedReason): Promise<void> {
    try {
      await this.#listener.onDeposed?.(reason);
    } catch (error) {
      this.#warn('onDeposed', error);
    }
  }

  #warn(handler: string, error: unknown): void {
    this.#campaign.warn(`${handler} of the election "${this.name}" failed: ${messageOf(error)}`);
  }

  #warnOnce(error: unknown): void {
    if (!this.#warned) {
      const seconds = RETRY_MS / 1_000;
      this.#campaign.warn(`The election "${this.name}" is stood for again in ${seconds} s: ${messageOf(error)}`);
    }
    this.#warned = true;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
