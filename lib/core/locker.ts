import type { Clock } from './clock.js';
import { heldHere, runWithin } from './context.js';
import { LockClosedError, LockLostError, LockUnavailableError, LockUpgradeError } from './errors.js';
import type { Hold } from './hold.js';
import { type LockInspection, toInspection } from './inspection.js';
import { LocalQueues } from './local-queues.js';
import { type Lock, LockHandle } from './lock.js';
import type { LockStore } from './lock-store.js';
import { assertNoLonger, type ResolvedLockOptions } from './options.js';
import { Request } from './request.js';
import { harmless, type ResolvedServiceOptions } from './service-options.js';
import { Session } from './session.js';
import { after } from './timer.js';

/** How long the outcome of a body waits for the store to acknowledge the release. */
const RELEASE_PATIENCE_MS = 250;

/** What runs with the lock in hand. */
export type LockedBody<T> = (lock: Lock) => T | PromiseLike<T>;

/** Turns names and options into held locks, and runs bodies under them; everything that is not Nest's or a driver's. */
export class Locker {
  readonly #store: LockStore;
  readonly #clock: Clock;
  readonly #options: ResolvedServiceOptions;
  readonly #session: Session;
  readonly #queues: LocalQueues;
  readonly #warn: (message: string) => void;
  #bodies = 0;
  #onQuiet: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(store: LockStore, clock: Clock, options: ResolvedServiceOptions) {
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
  async run<T>(names: readonly string[], options: ResolvedLockOptions, body: LockedBody<T>): Promise<T> {
    this.#bodies += 1;
    try {
      const lock = await this.acquire(names, options, options.reentrant ? this.#shareHeld(names, options) : []);
      return await this.#runUnder(lock, options, body);
    } finally {
      this.#bodies -= 1;
      if (this.#bodies === 0) this.#onQuiet?.();
    }
  }

  async inspect(name: string): Promise<LockInspection> {
    this.#assertOpen(name);
    return toInspection(name, await orUnavailable(name, this.#store.inspect(name)));
  }

  async forceRelease(name: string): Promise<boolean> {
    const { holders, lastToken } = await this.inspect(name);
    // Only what was seen is ended: a repeat of the command must not throw out whoever came next.
    return holders.length > 0 && orUnavailable(name, this.#store.force(name, lastToken));
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
    const request = new Request(this.#clock, name, options, wait);
    this.#queues.enter(request);
    return request.promise;
  }

  /** The holds of this call chain that serve the names, shared. */
  #shareHeld(names: readonly string[], { mode }: ResolvedLockOptions): Hold[] {
    const held = names.map((name) => heldHere(this, name)).filter((hold) => hold !== undefined);
    const usable = held.filter(({ exclusive }) => exclusive || mode === 'shared');
    for (const hold of usable) hold.share();
    return usable;
  }

  async #runUnder<T>(lock: LockHandle, { onLost }: ResolvedLockOptions, body: LockedBody<T>): Promise<T> {
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
    if (this.#bodies > 0) await this.#quiet();
    await this.#session.close();
  }

  /** Until the last body has ended, at most the grace. */
  #quiet(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = after(this.#options.shutdownGrace, resolve, { awaited: true });
      this.#onQuiet = () => {
        cancel();
        resolve();
      };
    });
  }

  /** A call chain that waits for its own shared hold to end waits for itself. */
  #assertNoUpgrade(name: string, { mode }: ResolvedLockOptions): void {
    if (mode === 'exclusive' && heldHere(this, name)?.exclusive === false) throw new LockUpgradeError(name);
  }

  #assertOpen(name: string): void {
    if (this.#closing) throw new LockClosedError(name);
  }
}

async function orUnavailable<T>(name: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw LockUnavailableError.from(error, name);
  }
}
