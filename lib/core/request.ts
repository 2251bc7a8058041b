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
  #resolve!: (lock: LockHandle) => void;
  #reject!: (error: unknown) => void;
  #cancelWait: CancelTimer | undefined;
  #counting = false;
  #settled = false;
  #onAbort: (() => void) | undefined;

  constructor(clock: Clock, name: string, options: ResolvedLockOptions, wait: number, stealsAfter?: number | null) {
    this.#clock = clock;
    this.#since = clock.now();
    this.name = name;
    this.options = options;
    this.wait = wait;
    this.stealsAfter = stealsAfter;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (options.signal) {
      this.#onAbort = () => this.fail(options.signal?.reason);
      options.signal.addEventListener('abort', this.#onAbort);
    }
  }

  /** Granted or failed. */
  get settled(): boolean {
    return this.#settled;
  }

  /** The lease to ask for. */
  get ttl(): number {
    return Math.min(this.options.ttl, this.options.maxHold);
  }

  /** Whether the lease of somebody else can serve it: one that is renewed for as long as it takes. */
  get servedByAnyLease(): boolean {
    return this.options.renew && this.options.maxHold === Number.POSITIVE_INFINITY;
  }

  /** It is known that the lock is busy: the wait, which began with the request, may end from now on. */
  startCounting(): void {
    if (this.#counting || this.wait === Number.POSITIVE_INFINITY) return;
    this.#counting = true;
    const left = this.wait - (this.#clock.now() - this.#since);
    if (left <= 0) this.#giveUp();
    else this.#cancelWait = after(left, () => this.#giveUp(), { awaited: true });
  }

  /** It is busy and does not wait. */
  refuse({ holders, retryAfter, trouble, crowded }: Obstacle): void {
    if (trouble) this.fail(LockUnavailableError.from(trouble, this.name));
    else this.fail(new LockBusyError(this.name, this.#clock.now() - this.#since, holders, retryAfter, crowded));
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

  #giveUp(): void {
    if (this.place) this.refuse(this.place.obstacle());
  }

  #settle(): void {
    this.#settled = true;
    this.#cancelWait?.();
    if (this.#onAbort) this.options.signal?.removeEventListener('abort', this.#onAbort);
  }
}
