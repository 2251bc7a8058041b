import { systemClock } from '../core/clock.js';
import { LockOptionsError } from '../core/errors.js';
import type { Lock } from '../core/lock.js';
import type { LockStore } from '../core/lock-store.js';
import { type LockedBody, Locker } from '../core/locker.js';
import { type LockName, resolveNames } from '../core/names.js';
import { type LockOptions, resolveLockOptions } from '../core/options.js';
import { extraOf, type LockInspection } from '../core/store-calls.js';
import { within } from '../core/timer.js';
import { nullIfBusy, unlessBusy } from '../features/busy.js';
import { cycleFrom } from '../features/deadlock.js';
import { healthOf, type LockHealth, type LockHealthOptions } from '../features/health.js';
import { Elections, type ElectOptions, type LeaderElection } from '../features/leader-election.js';
import { type LockListOptions, type LockPage, pageOf } from '../features/list.js';
import { type OnceOptions, type OnceResult, resolveOnceOptions, runOnce } from '../features/once.js';
import { entryOf, Journal, type JournalEntry } from '../observe/journal.js';
import type { LockObserver } from '../observe/lock-observer.js';
import { Observers } from '../observe/observers.js';
import { assertObserver, type ResolvedServiceOptions } from './service-options.js';

/** What became of a `tryRun`. */
export type TryRunResult<T> = { acquired: true; value: T } | { acquired: false };

type RunArguments<T> = [body: LockedBody<T>] | [options: LockOptions | undefined, body: LockedBody<T>];

/** How long closing waits for the last notes. */
const JOURNAL_PATIENCE_MS = 500;

const ONCE = 'once(name, { remember }, body)';

/**
 * Locks by name, in the store that the module was registered with. Inject it, or make one with `createLockService`.
 *
 * A name is a text of at most 512 bytes, or an array of texts: then all are locked or none, in one order that is the
 * same for everybody, so that two callers cannot wait for each other.
 *
 * Every method rejects with `LockUnavailableError` when the store does not answer or refuses, with `LockKeyError` or
 * `LockOptionsError` for bad input, and with `LockClosedError` once the service shuts down.
 */
export class LockService {
  /** @internal For what is built on the service. */
  readonly locker: Locker;
  readonly #elections: Elections;
  readonly #observers: Observers;
  readonly #closeStore: () => Promise<void>;
  #journal: Journal | undefined;
  #closed: Promise<void> | undefined;

  /** Not for applications: the module makes it, or `createLockService`. */
  constructor(
    store: LockStore,
    options: ResolvedServiceOptions,
    closeStore: () => Promise<void>,
    observers = new Observers(options.instance, options.logger),
  ) {
    this.locker = new Locker(store, systemClock, options);
    this.locker.findCycle = (wanted, held) => cycleFrom(this.locker, wanted, held);
    this.#elections = new Elections(this.locker);
    this.#closeStore = closeStore;
    this.#observers = observers;
    observers.attach(this.locker);
    for (const observer of options.observers) observers.add(observer);
    if (options.journal) {
      extraOf(store, 'note', 'The option `journal`');
      this.#journal = new Journal(store, options.journal, options.logger);
      observers.add(this.#journal);
    }
  }

  /**
   * Waits for the lock, at most `wait`. The caller releases it.
   * @throws LockBusyError when the wait is over; the reason of `signal` when that aborts first.
   */
  acquire(name: LockName, options?: LockOptions): Promise<Lock> {
    try {
      return this.locker.acquire(resolveNames(name), resolveLockOptions(this.locker.defaults, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The lock, or null when somebody else has it. Does not wait, unless the call itself gives a `wait`. */
  async tryAcquire(name: LockName, options?: LockOptions): Promise<Lock | null> {
    return nullIfBusy(this.acquire(name, withoutWait(options)));
  }

  /**
   * Runs `body` with the lock, and resolves to what it returns. The lock is released whatever happens; an error of
   * `body` comes out as it is, also when the release fails.
   * @throws LockBusyError when the wait is over, LockLostError when the body ended well but the lock was lost.
   */
  run<T>(name: LockName, body: LockedBody<T>): Promise<T>;
  run<T>(name: LockName, options: LockOptions | undefined, body: LockedBody<T>): Promise<T>;
  run<T>(name: LockName, ...rest: RunArguments<T>): Promise<T> {
    try {
      const [options, body] = splitArguments(rest);
      return this.locker.run(resolveNames(name), resolveLockOptions(this.locker.defaults, options), body);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Like `run`, but a busy lock is a result. Does not wait, unless the call itself gives a `wait`. */
  tryRun<T>(name: LockName, body: LockedBody<T>): Promise<TryRunResult<T>>;
  tryRun<T>(name: LockName, options: LockOptions | undefined, body: LockedBody<T>): Promise<TryRunResult<T>>;
  async tryRun<T>(name: LockName, ...rest: RunArguments<T>): Promise<TryRunResult<T>> {
    const [options, body] = splitArguments(rest);
    const result = await unlessBusy(body, (watched) => this.run(name, withoutWait(options), watched));
    if (result) return { acquired: true, value: result.value };
    this.skipped(name, options, 'busy');
    return { acquired: false };
  }

  /**
   * Runs `body` under the lock, once: when it ends well, the name is marked as done for `remember`, in the same step that
   * releases the lock, and whoever comes later gets `done`. Does not wait, unless the call itself gives a `wait`. A body
   * that throws leaves no mark. Marks survive what the store survives.
   * @throws LockLostError when the body ended well but the lock was lost: nothing is marked, unless the store was away
   * (`why: 'unavailable'`), when that is unknown. LockOptionsError for a store that keeps no marks.
   */
  async once<T>(name: string, options: OnceOptions, body: LockedBody<T>): Promise<OnceResult<T>> {
    assertBody(body, ONCE);
    const result = await unlessBusy(body, (watched) => this.runOnce(name, withoutWait(options), watched));
    if (result) return result.value;
    const { remember: _, ...lock } = options;
    this.skipped(name, lock, 'busy');
    return { status: 'busy' };
  }

  /** @internal Tells the observers that work was left out. */
  skipped(name: LockName, options: LockOptions | undefined, why: 'busy' | 'closed'): void {
    const { witnesses, defaults } = this.locker;
    if (!witnesses) return;
    witnesses.tell('skipped', resolveNames(name)[0] as string, resolveLockOptions(defaults, options), { why });
  }

  /** @internal As `once`, but a busy lock is an error, and `wait` that of the defaults. */
  async runOnce<T>(
    name: string,
    options: OnceOptions,
    body: LockedBody<T>,
  ): Promise<Exclude<OnceResult<T>, { status: 'busy' }>> {
    assertBody(body, ONCE);
    return runOnce(this.locker, single(name), resolveOnceOptions(this.locker.defaults, options), body);
  }

  /** Removes the mark that `once` has set, so that the work is done anew. False: there was none. */
  async forget(name: string): Promise<boolean> {
    return this.locker.calls.forget(single(name));
  }

  /**
   * Stands for election: of all the processes that do so under this name, one leads at a time, and is told so; when it
   * resigns, shuts down, dies or loses the lock, the next in line leads. The election takes the lock of that name.
   * @throws LockKeyError, LockOptionsError, LockClosedError. The store being away is no error here: it is asked again.
   */
  elect(name: string, options: ElectOptions): LeaderElection {
    return this.#elections.stand(single(name), options);
  }

  /**
   * Asks the holders to release, who hear it by `onReleaseRequested` of their lock and decide themselves. Sent once, and
   * not heard by a process that is not connected just then. True: somebody holds it.
   */
  async requestRelease(name: string): Promise<boolean> {
    return this.locker.calls.requestRelease(single(name));
  }

  /** Who holds the lock and who waits for it, in the order of the queue. For operators: it is old when it arrives. */
  async inspect(name: string): Promise<LockInspection> {
    return this.locker.calls.inspect(single(name));
  }

  /**
   * The names that begin with `prefix` and are held or waited for, with who holds them, who waits, in which method, and what
   * the call chains of those who wait hold meanwhile. In pages, for operators: it walks over the keys of the store, and it
   * is old when it arrives. Processes are asked by their messages; one that does not answer within a quarter of a second
   * is listed all the same.
   * @throws LockOptionsError for wrong options, and for a store that keeps no list of names.
   */
  async list(prefix = '', options?: LockListOptions): Promise<LockPage> {
    return pageOf(this.locker, prefix, options);
  }

  /**
   * What the processes that have the option `journal` have noted: of one name, or since a time; the oldest first.
   * @throws LockOptionsError for a store that keeps no notes.
   */
  async journal({ name, since }: { name?: string; since?: Date | number } = {}): Promise<readonly JournalEntry[]> {
    const notes = await this.locker.calls.notes(since === undefined ? 0 : Number(since));
    const entries = notes.flatMap((note) => entryOf(note) ?? []);
    return name === undefined ? entries : entries.filter((entry) => entry.name === name);
  }

  /**
   * Frees the lock for everybody and tells the holders, whose signals abort. True: somebody held it. The holders may
   * act on for as long as it takes them to notice; fencing tokens keep what they do harmless.
   */
  async forceRelease(name: string): Promise<boolean> {
    return this.locker.calls.forceRelease(single(name));
  }

  /**
   * Whether locks can be had, as this process sees it: asks the store, and counts what is held and waited for here. Never
   * rejects because of the store.
   * @throws LockOptionsError for wrong options.
   */
  health(options?: LockHealthOptions): Promise<LockHealth> {
    return healthOf(this.locker, options);
  }

  /**
   * Tells `observer` what happens to the locks of this process from now on, as the option `observer` does. The returned
   * function ends that. What is under way when it begins is not told.
   * @throws LockOptionsError for what cannot observe anything.
   */
  observe(observer: LockObserver): () => void {
    assertObserver(observer, 'The argument of observe()');
    return this.#observers.add(observer);
  }

  /**
   * Shuts down: no new locks, waiters get `LockClosedError`, bodies that run have `shutdownGrace` to end, what is still
   * held is released and its signal aborted, own connections are closed. A second call waits for the first.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await this.locker.close();
    // What was told last is noted, too.
    await within(
      JOURNAL_PATIENCE_MS,
      Promise.resolve().then(() => this.#journal?.close()),
    );
    await this.#closeStore();
    this.#observers.clear();
  }

  /** Nest's hook, while requests are still served: others lead from now on. Locks are had as before. */
  beforeApplicationShutdown(): Promise<void> {
    return this.#elections.resign();
  }

  /**
   * Nest's hook, when nothing is served any more, and after those of all other modules. What has just been asked for, such
   * as the lock of the last tick of a cron, still gets its answer.
   */
  async onApplicationShutdown(): Promise<void> {
    await this.locker.settle();
    await this.close();
  }
}

function single(name: string): string {
  return resolveNames([name])[0] as string;
}

function withoutWait<O extends LockOptions>(options: O): O;
function withoutWait(options: LockOptions | undefined): LockOptions | undefined;
function withoutWait(options: LockOptions | undefined): LockOptions | undefined {
  return options?.wait === undefined ? { ...options, wait: 0 } : options;
}

function splitArguments<T>(rest: RunArguments<T>): [LockOptions | undefined, LockedBody<T>] {
  const [options, body] = rest.length === 1 ? [undefined, rest[0]] : rest;
  assertBody(body, 'run(name, body) or run(name, options, body)');
  return [options, body];
}

function assertBody(body: unknown, call: string): void {
  if (typeof body === 'function') return;
  throw new LockOptionsError(`There is no function to run under the lock: call ${call}.`);
}
