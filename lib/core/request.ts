import { onAbort } from './abort.js';
import type { Clock } from './clock.js';
import { LockBusyError, LockUnavailableError } from './errors.js';
import type { Hold } from './hold.js';
import type { Linked } from './line.js';
import { LockHandle } from './lock.js';
import type { ResolvedLockOptions } from './options.js';
import { after, type CancelTimer } from './timer.js';

/** What stands between a request and its lock. */
export interface Obstacle {
  readonly holders: readonly string[];
  readonly retryAfter: number | null;
  /** The store has stopped answering. */
  readonly trouble: LockUnavailableError | undefined;
  /** As many wait as may. */
  readonly crowded?: boolean;
}

/** Where a request stands. */
export interface Place {
  obstacle(): Obstacle;
  /** It wants the lock no longer, without having got it. */
  left(request: Request): void;
}

/** What a request depends on beside its options. */
export interface Circumstances {
  /** How long this caller waits, in ms. */
  readonly wait: number;
  /** Takes it from whoever has it, provided that this is the last token still; undefined: does not. */
  readonly stealsAfter?: number | null | undefined;
  /** Given where the own call chain holds the lock. */
  readonly ownChain?: OwnChain | undefined;
}

/** The call chain of a request, which holds what it asks for. */
export interface OwnChain {
  /** Whether it holds it still. */
  holds(): boolean;
  /** It turns out that the request has to wait for it. */
  warn(): void;
}

/** What a caller asked for: one name, until it is granted, refused or given up. Settles once. */
export class Request implements Linked<Request> {
  readonly name: string;
  readonly options: ResolvedLockOptions;
  /** How long this caller waits, in ms. */
  readonly wait: number;
  /** Takes it from whoever has it, provided that this is the last token still; undefined: does not. */
  readonly stealsAfter: number | null | undefined;
  readonly promise: Promise<LockHandle>;
  place: Place | undefined;
  before: Request | undefined;
  behind: Request | undefined;

  readonly #clock: Clock;
  readonly #since: number;
  readonly #ownChain: OwnChain | undefined;
  #resolve!: (lock: LockHandle) => void;
  #reject!: (error: unknown) => void;
  #cancelWait: CancelTimer | undefined;
  #counting = false;
  #settled = false;
  #cancelAbort: (() => void) | undefined;

  constructor(
    clock: Clock,
    name: string,
    options: ResolvedLockOptions,
    { wait, stealsAfter, ownChain }: Circumstances,
  ) {
    this.#clock = clock;
    this.#since = clock.now();
    this.name = name;
    this.options = options;
    this.wait = wait;
    this.stealsAfter = stealsAfter;
    this.#ownChain = ownChain;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    if (signal) this.#cancelAbort = onAbort(signal, () => this.fail(signal.reason));
  }

  /** Granted or failed. */
  get settled(): boolean {
    return this.#settled;
  }

  /** The lease to ask for. */
  get ttl(): number {
    const { ttl, maxHold } = this.options;
    // What has to be kept longer than it may be held is still there when it is given back for that.
    return this.isKeptLonger ? ttl : Math.min(ttl, maxHold);
  }

  /** Whether it is to be kept from the others (`holdAtLeast`) for longer than it may be held. */
  get isKeptLonger(): boolean {
    return this.options.holdAtLeast > this.options.maxHold;
  }

  /** Whether the lease of somebody else can serve it: one that is renewed for as long as it takes. */
  get servedByAnyLease(): boolean {
    return this.options.renew && this.options.maxHold === Number.POSITIVE_INFINITY;
  }

  /** It is known that the lock is busy: the wait, which began with the request, may end from now on. */
  startCounting(): void {
    if (this.#counting) return;
    this.#counting = true;
    this.#waitsForItself();
    if (this.wait === Number.POSITIVE_INFINITY) return;
    const left = this.wait - (this.#clock.now() - this.#since);
    if (left <= 0) this.#giveUp();
    else this.#cancelWait = after(left, () => this.#giveUp(), { awaited: true });
  }

  /** It is busy and does not wait. */
  refuse({ holders, retryAfter, trouble, crowded }: Obstacle): void {
    if (trouble) this.fail(LockUnavailableError.from(trouble, this.name));
    else {
      const waited = this.#clock.now() - this.#since;
      const ownChain = this.#waitsForItself();
      this.fail(new LockBusyError(this.name, waited, holders, retryAfter, crowded, ownChain));
    }
  }

  grant(hold: Hold): void {
    this.#settle();
    this.#resolve(new LockHandle([hold], this.options.mode));
  }

  fail(error: unknown): void {
    this.#settle();
    this.#reject(error);
    this.place?.left(this);
  }

  #waitsForItself(): boolean {
    if (!this.#ownChain?.holds()) return false;
    this.#ownChain.warn();
    return true;
  }

  #giveUp(): void {
    if (this.place) this.refuse(this.place.obstacle());
  }

  #settle(): void {
    this.#settled = true;
    this.#cancelWait?.();
    this.#cancelAbort?.();
  }
}
