import type { Clock } from './clock.js';
import { heldHere, runWithin } from './context.js';
import { LockBusyError, LockClosedError, LockLostError, LockUnavailableError, LockUpgradeError } from './errors.js';
import type { Hold } from './hold.js';
import type { ResolvedJobOptions } from './job-options.js';
import { Candidacy, type ElectionListener, type LeaderElection } from './leader-election.js';
import { LocalQueues } from './local-queues.js';
import { type Lock, LockHandle } from './lock.js';
import type { LockStore } from './lock-store.js';
import { assertNoLonger, type ResolvedLockOptions } from './options.js';
import { Request } from './request.js';
import { harmless, type ResolvedServiceOptions } from './service-options.js';
import { Session } from './session.js';
import { StoreCalls } from './store-calls.js';
import { extraOf } from './store-extras.js';
import { after, within } from './timer.js';

/** How long the outcome of a body waits for the store to acknowledge the release. */
const RELEASE_PATIENCE_MS = 250;

/** What runs with the lock in hand. */
export type LockedBody<T> = (lock: Lock) => T | PromiseLike<T>;
type HandleBody<T> = (lock: LockHandle) => T | PromiseLike<T>;

/** Turns names and options into held locks, and runs bodies under them; everything that is not Nest's or a driver's. */
export class Locker {
  /** What is asked of the store beside locks. */
  readonly calls: StoreCalls;
  readonly #store: LockStore;
  readonly #clock: Clock;
  readonly #options: ResolvedServiceOptions;
  readonly #session: Session;
  readonly #queues: LocalQueues;
  readonly #warn: (message: string) => void;
  readonly #elections = new Set<LeaderElection>();
  #bodies = 0;
  #onQuiet: (() => void) | undefined;
  #resigned = false;
  #closing: Promise<void> | undefined;

  constructor(store: LockStore, clock: Clock, options: ResolvedServiceOptions) {
    this.calls = new StoreCalls(store, (name) => this.#assertOpen(name));
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
    const logger = options.logger && harmless(options.logger);
    this.#warn = (message) => logger?.warn(message);
    const { instance: label, commandTimeout: patience, localHandOver, longestTtl } = options;
    this.#session = new Session({ store, clock, label, patience, longestTtl });
    this.#queues = new LocalQueues(this.#session, localHandOver);
  }

  /** All the names, or none. `names` are in the global order. */
  acquire(names: readonly string[], options: ResolvedLockOptions, reuse: readonly Hold[] = []): Promise<LockHandle> {
    if (names.length > 1 || reuse.length > 0) return this.#acquireAll(names, options, reuse);
    const name = names[0] as string;
    try {
      this.#assertNoUpgrade(name, options);
      return this.#acquireOne(name, options, options.wait);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #acquireAll(
    names: readonly string[],
    options: ResolvedLockOptions,
    reuse: readonly Hold[],
  ): Promise<LockHandle> {
    const since = this.#clock.now();
    const holds: Hold[] = [];
    try {
      for (const name of names) this.#assertNoUpgrade(name, options);
      for (const name of names) {
        const reused = reuse.find((hold) => hold.name === name);
        const wait = Math.max(0, options.wait - (this.#clock.now() - since));
        if (reused) holds.push(reused);
        else holds.push(...(await this.#acquireOne(name, options, wait)).holds);
      }
      // While it waited for the later names, the leases of the earlier ones went on.
      for (const hold of holds) if (!reuse.includes(hold)) await hold.freshen();
      const lost = holds.find(({ held }) => !held);
      if (lost) throw new LockLostError(lost.name, lost.why ?? 'released');
    } catch (error) {
      const all = new Set([...reuse, ...holds]);
      await Promise.allSettled([...all].map((hold) => hold.release(false)));
      throw error;
    }
    return new LockHandle(holds, options.mode);
  }

  /** Runs `body` under the lock; what this call chain holds already is reused. */
  run<T>(names: readonly string[], options: ResolvedLockOptions, body: HandleBody<T>): Promise<T> {
    const obtain = (): Promise<LockHandle> =>
      this.acquire(names, options, options.reentrant ? this.#shareHeld(names, options) : []);
    return this.runHolding(obtain, options, body);
  }

  /** Runs `body` under the lock that `obtain` gets. */
  async runHolding<T>(
    obtain: () => Promise<LockHandle>,
    options: ResolvedLockOptions,
    body: HandleBody<T>,
  ): Promise<T> {
    this.#bodies += 1;
    try {
      return await this.#runUnder(await obtain(), options, body);
    } finally {
      this.#bodies -= 1;
      if (this.#bodies === 0) this.#onQuiet?.();
    }
  }

  get defaults(): ResolvedLockOptions {
    return this.#options.defaults;
  }

  get jobs(): ResolvedJobOptions {
    return this.#options.jobs;
  }

  elect(name: string, listener: ElectionListener, options: ResolvedLockOptions): LeaderElection {
    this.#assertOpen(name);
    if (this.#resigned) throw new LockClosedError(name);
    assertNoLonger(this.#options.longestTtl, options);
    const election = new Candidacy(name, listener, {
      realm: this,
      grace: this.#options.shutdownGrace,
      acquire: (signal) => this.acquire([name], { ...options, signal }),
      warn: this.#warn,
      over: () => this.#elections.delete(election),
    });
    this.#elections.add(election);
    return election;
  }

  /** Ends all elections of this process for good; locks are had as before. */
  async resignAll(): Promise<void> {
    this.#resigned = true;
    await Promise.all([...this.#elections].map((election) => election.resign()));
  }

  close(): Promise<void> {
    // Later, since whoever is told in the course of it may close again.
    this.#closing ??= Promise.resolve().then(() => this.#close());
    return this.#closing;
  }

  #acquireOne(name: string, options: ResolvedLockOptions, wait: number): Promise<LockHandle> {
    this.#assertOpen(name);
    assertNoLonger(this.#options.longestTtl, options);
    options.signal?.throwIfAborted();
    if (options.steal) return this.#steal(name, options);
    return this.#enter(new Request(this.#clock, name, options, wait));
  }

  #enter(request: Request): Promise<LockHandle> {
    this.#queues.enter(request);
    return request.promise;
  }

  /** Only what was seen is ended: a repeat of the command must not throw out whoever came next. */
  async #steal(name: string, options: ResolvedLockOptions): Promise<LockHandle> {
    extraOf(this.#store, 'steal', 'To take a lock from its holder');
    for (let before: number | null | undefined; ; ) {
      const { lastToken } = await this.calls.look(name);
      this.#assertOpen(name);
      try {
        return await this.#enter(new Request(this.#clock, name, options, 0, lastToken));
      } catch (error) {
        // Refused although nobody was granted it meanwhile: what stands there is no token.
        if (!(error instanceof LockBusyError) || Object.is(lastToken, before)) throw error;
        before = lastToken;
      }
    }
  }

  /** The holds of this call chain that serve the names, shared. */
  #shareHeld(names: readonly string[], { mode }: ResolvedLockOptions): Hold[] {
    const held = names.map((name) => heldHere(this, name)).filter((hold) => hold !== undefined);
    const usable = held.filter(({ exclusive }) => exclusive || mode === 'shared');
    for (const hold of usable) hold.share();
    return usable;
  }

  async #runUnder<T>(lock: LockHandle, { onLost }: ResolvedLockOptions, body: HandleBody<T>): Promise<T> {
    let value: T;
    try {
      // Between the grant and now the service may have closed.
      if (!lock.held) throw lock.lost ?? new LockLostError(lock.name, 'released');
      value = await runWithin(this, lock, () => body(lock));
    } catch (error) {
      await this.#releaseQuietly(lock);
      throw error;
    }
    await this.#releaseQuietly(lock);
    const { lost } = lock;
    if (lost && onLost === 'throw') throw new LockLostError(lost.lockName as string, lost.why, value);
    return value;
  }

  /** The body's outcome is the caller's, whatever becomes of the release, and does not wait for a store that hangs. */
  #releaseQuietly(lock: LockHandle): Promise<void> {
    return new Promise((resolve) => {
      const cancel = after(RELEASE_PATIENCE_MS, resolve, { awaited: true });
      const done = (): void => {
        cancel();
        resolve();
      };
      lock.release().then(done, (error: unknown) => {
        const { problem } = LockUnavailableError.from(error, lock.name);
        this.#warn(
          `The lock "${lock.names.join(', ')}" could not be released at once (${problem}). It is tried again until its lease ends.`,
        );
        done();
      });
    });
  }

  async #close(): Promise<void> {
    this.#queues.failAll((name) => new LockClosedError(name));
    await Promise.all([this.resignAll(), this.#bodies > 0 && this.#quiet()]);
    await this.#session.close();
  }

  /** Until the last body has ended, at most the grace. */
  #quiet(): Promise<void> {
    const quiet = new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
    });
    return within(this.#options.shutdownGrace, quiet);
  }

  /** A call chain that waits for its own shared hold to end waits for itself. */
  #assertNoUpgrade(name: string, { mode, standalone }: ResolvedLockOptions): void {
    if (mode === 'exclusive' && !standalone && heldHere(this, name)?.exclusive === false)
      throw new LockUpgradeError(name);
  }

  #assertOpen(name: string): void {
    if (this.#closing) throw new LockClosedError(name);
  }
}
