import type { LockLostWhy } from './errors.js';
import type { Lease } from './lease.js';
import type { Completed, LeaseUser, OnDelay } from './lease-terms.js';
import type { ReleaseAnswer } from './lock-store.js';
import { runtime } from './runtime.js';

/** Where a hold comes from, and goes to. */
export interface HoldKeeper {
  /** False: it was lost. Rejects when the store does not answer. */
  giveBack(hold: Hold, used: boolean, onDelay?: OnDelay): Promise<ReleaseAnswer>;
  /** Marks the name as done, and gives it back unless somebody `staysIn`. */
  complete(hold: Hold, remember: number, staysIn: boolean): Promise<Completed>;
  /** The lease of the hold is lost. */
  lost(): void;
}

/**
 * One name in the hands of one caller: a lease, for as long as it is this caller's, with a fencing token of its own.
 * Nested calls of the same call chain share it; the last of them gives it back.
 */
export class Hold implements LeaseUser {
  readonly lease: Lease;
  readonly token: number;
  /** For how long after it was acquired nobody else gets it, in ms. */
  readonly holdAtLeast: number;
  /** Counts from when it was known to be ours; later than the store's own moment, so that it does not end early. */
  readonly keptUntil: number;
  /** Why it was lost. */
  why: LockLostWhy | undefined;

  readonly #keeper: HoldKeeper;
  #users = 1;
  #released = false;
  #watchers: Set<() => void> | undefined;
  /** Somebody has asked for the lock. */
  #requested = false;
  #listeners: Set<() => void> | undefined;

  constructor(lease: Lease, now: number, holdAtLeast: number, keeper: HoldKeeper) {
    this.lease = lease;
    this.token = lease.terms.token + lease.handedOver;
    this.holdAtLeast = holdAtLeast;
    this.keptUntil = now + holdAtLeast;
    this.#keeper = keeper;
  }

  get name(): string {
    return this.lease.terms.name;
  }

  get exclusive(): boolean {
    return this.lease.terms.permits === 0;
  }

  get held(): boolean {
    return !this.#released && this.lease.held;
  }

  share(): void {
    this.#users += 1;
  }

  /** False: it is lost. Rejects when the store does not answer. */
  extend(ttl?: number): Promise<boolean> {
    return this.lease.extend(ttl, () => this.held);
  }

  /** Starts the lease anew when less than half of it is left, so that no caller begins with a lock that is about to end. */
  async freshen(): Promise<void> {
    if (this.lease.remaining() < this.lease.ttl / 2) await this.extend();
  }

  /**
   * False: it was lost. Rejects when the store does not answer until the lease ends. `used: false`: nothing was done under
   * it, and nothing needs to be kept from the others. `onDelay`: as for `Lease.release`.
   */
  release({ used = true, onDelay }: { used?: boolean; onDelay?: OnDelay | undefined } = {}): Promise<boolean> {
    const ours = this.held;
    this.#users -= 1;
    if (this.#users > 0) return Promise.resolve(ours);
    this.#released = true;
    if (!ours) return Promise.resolve(false);
    return this.#keeper.giveBack(this, used, onDelay).then((released) => {
      if (released === true) return true;
      this.why ??= released === 'unknown' ? 'unavailable' : 'taken';
      return false;
    });
  }

  /** Gives it back unused; resolves when the store has answered, or has not at once. */
  giveUp(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => resolve();
      this.release({ used: false, onDelay: settle }).then(settle, settle);
    });
  }

  /** Marks the name as done; the last of its users gives it back in the same step. False: it was lost, nothing is marked. */
  async complete(remember: number): Promise<boolean> {
    if (!this.held) return false;
    const completed = await this.#keeper.complete(this, remember, this.#users > 1);
    if (completed !== 'done') this.why ??= completed;
    return completed === 'done';
  }

  /** Calls `listener` when somebody asks for the lock, or soon when somebody has; the returned function ends that. */
  onReleaseRequested(listener: () => void): () => void {
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    if (this.#requested) this.#tell(listener);
    return () => this.#listeners?.delete(listener);
  }

  releaseRequested(): void {
    this.#requested = true;
    for (const listener of this.#listeners ?? []) this.#tell(listener);
  }

  /** Later, so that an error of the listener is its own. */
  #tell(listener: () => void): void {
    runtime.queueMicrotask(() => {
      if (this.held && this.#listeners?.has(listener)) listener();
    });
  }

  /** Calls `watcher` when the hold is lost. */
  watch(watcher: () => void): void {
    this.#watchers ??= new Set();
    this.#watchers.add(watcher);
  }

  unwatch(watcher: () => void): void {
    this.#watchers?.delete(watcher);
  }

  lost(why: LockLostWhy): void {
    if (!this.#released) {
      this.why = why;
      for (const watcher of this.#watchers ?? []) watcher();
    }
    this.#keeper.lost();
  }
}
