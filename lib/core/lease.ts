import type { Clock } from './clock.js';
import { type LockLostWhy, LockUnavailableError } from './errors.js';
import type { Completed, LeaseTerms, LeaseUser, OnDelay } from './lease-terms.js';
import type { LockStore, ReleaseAnswer } from './lock-store.js';
import { assertNoLonger } from './options.js';
import { RenewalWheel, type Scheduled } from './renewal.js';
import { extraOf } from './store-extras.js';
import { after, untilAnswered } from './timer.js';

export interface LeaseKeeper {
  readonly store: LockStore;
  readonly clock: Clock;
  readonly wheel: RenewalWheel;
  /** No lease is longer, in ms. */
  readonly longestTtl: number;
  /** The lease is over: lost, or given back. */
  ended(lease: Lease): void;
}

/** After an error, renewal and release are tried again this much later. */
const RETRY_MS = 100;
/** The same, once nobody waits for it any more. */
const UNSEEN_RETRY_MS = 500;

/**
 * One lease as a state machine: `held`, then `lost` or `released`, for good. Renewal has three answers: yes (the lease
 * starts anew), no (lost), unknown (asked again until the deadline, then lost).
 */
export class Lease implements Scheduled {
  readonly terms: LeaseTerms;
  /** When the grant was known here. */
  readonly grantedAt: number;
  slot: number | undefined;
  before: Scheduled | undefined;
  behind: Scheduled | undefined;
  /** How many times it went from one caller to the next inside this process. */
  handedOver = 0;
  /** The caller that has it at the moment, who is told when it is lost. */
  user: LeaseUser | undefined;

  readonly #keeper: LeaseKeeper;
  readonly #endOfHold: number;
  #state: 'held' | 'lost' | 'released' = 'held';
  #ttl: number;
  #deadline: number;
  #due: number;
  #inFlight: Promise<boolean | LockUnavailableError> | undefined;
  /** The last answer of the store was none. */
  #unknown = false;
  /** Nobody waits for what the store does not answer any more. */
  #abandoned = false;
  /** The release, as soon as it has begun. */
  #returned: Promise<ReleaseAnswer> | undefined;
  /** Ends the pause before the release is tried again. */
  #hurry: (() => void) | undefined;

  constructor(keeper: LeaseKeeper, terms: LeaseTerms) {
    this.#keeper = keeper;
    this.terms = terms;
    this.grantedAt = keeper.clock.now();
    this.#endOfHold = terms.since + terms.maxHold;
    this.#ttl = terms.ttl;
    this.#deadline = terms.since + Math.min(terms.ttl, terms.maxHold);
    this.#due = this.#dueAfter(terms.since);
    this.#schedule();
  }

  /** Whether it is ours by our own clock, at this very moment. */
  get held(): boolean {
    if (this.#state !== 'held') return false;
    if (this.#keeper.clock.now() < this.#deadline) return true;
    this.lose(this.#unknown || this.#inFlight ? 'unavailable' : 'expired');
    return false;
  }

  /** What is left, in ms; a lower bound. */
  remaining(): number {
    return this.held ? this.leftAt(this.#keeper.clock.now()) : 0;
  }

  /** The same at a moment at which it is known to be held. */
  leftAt(now: number): number {
    return Math.max(0, this.#deadline - now);
  }

  /** The length that it is renewed to. */
  get ttl(): number {
    return this.#ttl;
  }

  /**
   * Starts the lease anew, with `ttl` from now on, provided that it is `wanted` still when its turn has come. False: it is
   * lost, or not wanted. Rejects when the store does not answer.
   */
  async extend(ttl = this.#ttl, wanted: () => boolean = () => true): Promise<boolean> {
    assertNoLonger(this.#keeper.longestTtl, { ttl });
    while (this.#inFlight) await this.#inFlight;
    if (!this.held || !wanted()) return false;
    this.#ttl = ttl;
    const answer = await this.#ask();
    if (answer instanceof LockUnavailableError) throw answer;
    return answer;
  }

  /**
   * Marks the name as done for `remember` ms and, with `retain`, releases in the same step. The store is asked until it
   * answers or the lease ends.
   */
  async complete(remember: number, retain?: number): Promise<Completed> {
    while (this.#inFlight) await this.#inFlight;
    if (!this.held) return 'released';
    const { name, owner, replicas } = this.terms;
    const complete = extraOf(this.#keeper.store, 'complete', 'A mark');
    const isOver = (): boolean =>
      this.#state === 'lost' || this.#abandoned || this.#keeper.clock.now() >= this.#deadline;
    const answer = untilAnswered(() => complete({ name, owner, remember, retain, replicas }), isOver, RETRY_MS);
    // No renewal meanwhile: whether it is still ours is what an answer that was lost has changed.
    const settled = answer.then(Boolean);
    this.#inFlight = settled;
    if (retain !== undefined) {
      this.#state = 'released';
      this.#returned = settled;
      this.#keeper.wheel.cancel(this);
    } else this.#schedule();
    return this.#completed(await answer);
  }

  /** Asks the store whether it is still ours, without waiting for the next renewal. */
  check(): void {
    if (this.held && !this.#inFlight && this.#due !== Number.POSITIVE_INFINITY) void this.#ask();
  }

  tick(now: number): void {
    if (this.#state !== 'held') this.#letGo();
    if (!this.held) return;
    if (now >= this.#due && !this.#inFlight) void this.#ask();
    else this.#schedule();
  }

  /** Whether a message about a hold with this token means this one; undefined: it means any. */
  isMeant(token: number | undefined): boolean {
    return token === undefined || token >= this.terms.token;
  }

  /** It is not ours any more. */
  lose(why: LockLostWhy): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    this.#keeper.wheel.cancel(this);
    this.#keeper.ended(this);
    // By our clock it is over, by the store's it ends a little later: do not let the others wait for that.
    if (why !== 'taken' && why !== 'forced') this.#letGo();
    this.user?.lost(why);
  }

  /**
   * Gives it back, and keeps it from the others for `retain` more ms. False: it was lost. While the store does not answer
   * it is asked again, until the lease ends; rejects then, and at once when the store has refused. That keeps the process alive, unless `onDelay` is given, which
   * is called when the store has not taken the release at once.
   */
  release(retain: number, onDelay?: OnDelay): Promise<ReleaseAnswer> {
    if (!this.held) return Promise.resolve(false);
    this.#state = 'released';
    this.#keeper.wheel.cancel(this);
    this.#returned = this.#sendBack(retain).catch((error: unknown) => this.#sendBackAgain(retain, error, onDelay));
    return this.#returned;
  }

  /** Gives it back although somebody works under it still, who is told; a release that is on its way is waited for. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    if (this.#state === 'held') {
      const released = this.release(this.#leftOfHoldAtLeast(), () => {});
      this.user?.lost('released');
      await released;
      return;
    }
    this.#hurry?.();
    await this.#returned;
  }

  /** For how many ms more nobody else gets the lock, by what its user has asked for. */
  #leftOfHoldAtLeast(): number {
    return Math.max(0, Math.ceil((this.user?.keptUntil ?? 0) - this.#keeper.clock.now()));
  }

  #sendBack(retain: number): Promise<ReleaseAnswer> {
    const { name, owner } = this.terms;
    return this.#keeper.store.release({ name, owner, retain }).then((ours) => {
      this.#keeper.ended(this);
      return ours;
    });
  }

  /** Unseen. */
  #letGo(): void {
    const { name, owner } = this.terms;
    this.#keeper.store.release({ name, owner, retain: this.#leftOfHoldAtLeast() }).catch(() => this.#letGoLater());
  }

  /**
   * A renewal that has no answer may be carried out after a reconnect, as the client sends it again: then the store has it
   * for one more ttl.
   */
  #letGoLater(): void {
    const again = RenewalWheel.bucket(this.#keeper.clock.now() + UNSEEN_RETRY_MS, UNSEEN_RETRY_MS);
    const longer = this.#unknown || this.#inFlight ? this.#ttl : 0;
    if (again < this.#deadline + longer) this.#keeper.wheel.schedule(this, again);
  }

  #pause(awaited: boolean): Promise<void> {
    return new Promise((resolve) => {
      const cancel = after(RETRY_MS, resolve, { awaited });
      this.#hurry = () => {
        cancel();
        resolve();
      };
    });
  }

  async #sendBackAgain(retain: number, error: unknown, onDelay: OnDelay | undefined): Promise<ReleaseAnswer> {
    let problem = LockUnavailableError.from(error, this.terms.name);
    onDelay?.(problem);
    if (problem.refused && !onDelay) {
      // What the store does not want to do, the caller need not wait for.
      this.#sendBackAgain(retain, problem, () => {}).catch(() => {});
      throw problem;
    }
    while (!this.#abandoned && this.#keeper.clock.now() + RETRY_MS < this.#deadline) {
      await this.#pause(!onDelay);
      try {
        return await this.#sendBack(retain);
      } catch (again) {
        problem = LockUnavailableError.from(again, this.terms.name);
      }
    }
    this.#keeper.ended(this);
    this.#letGoLater();
    throw problem;
  }

  /** One question at a time. Its answer: yes, no, or why there is none. */
  #ask(): Promise<boolean | LockUnavailableError> {
    const { store, clock } = this.#keeper;
    const { name, owner, permits, replicas } = this.terms;
    const sentAt = clock.now();
    const longest = this.terms.isKeptLonger ? this.#ttl : this.#endOfHold - sentAt;
    const ttl = Math.max(1, Math.floor(Math.min(this.#ttl, longest)));
    // A shorter lease counts at once: the store may carry it out, and its answer may be lost.
    this.#deadline = Math.min(this.#deadline, sentAt + ttl);
    this.#inFlight = store.renew({ name, owner, ttl, permits, replicas }).then(
      (ours) => this.#answered(ours, sentAt, ttl),
      (error: unknown) => this.#unanswered(error),
    );
    this.#schedule();
    return this.#inFlight;
  }

  #completed(answer: boolean | undefined): Completed {
    this.#inFlight = undefined;
    if (this.#state === 'released') {
      this.#keeper.ended(this);
      if (answer === undefined) this.#letGo();
    } else if (answer === false) this.lose('taken');
    else if (this.held) this.#schedule();
    return answer ? 'done' : answer === false ? 'taken' : 'unavailable';
  }

  #answered(ours: boolean, sentAt: number, ttl: number): boolean {
    const held = this.held;
    this.#inFlight = undefined;
    if (!held) {
      // It is given back meanwhile, which is tried for as long as the store has it.
      if (ours) this.#deadline = Math.max(this.#deadline, sentAt + ttl);
      return false;
    }
    if (!ours) {
      this.lose('taken');
      return false;
    }
    this.#unknown = false;
    this.#deadline = Math.min(sentAt + ttl, this.#endOfHold);
    this.#due = this.#dueAfter(sentAt);
    this.#schedule();
    return true;
  }

  #unanswered(error: unknown): LockUnavailableError {
    this.#unknown = true;
    this.#inFlight = undefined;
    if (this.terms.renew) this.#due = this.#keeper.clock.now() + Math.min(RETRY_MS, this.#ttl / 3);
    if (this.held) this.#schedule();
    return LockUnavailableError.from(error, this.terms.name);
  }

  #dueAfter(since: number): number {
    // What is to be kept from the others then must be there still when it is given back.
    const needed = this.#endOfHold + (this.terms.isKeptLonger ? this.#ttl / 3 : 0);
    if (!this.terms.renew || since + this.#ttl >= needed) return Number.POSITIVE_INFINITY;
    return RenewalWheel.bucket(since + this.#ttl / 3, this.#ttl / 3);
  }

  /** The next renewal, but never later than the deadline. */
  #schedule(): void {
    const next = this.#inFlight ? this.#deadline : Math.min(this.#due, this.#deadline);
    this.#keeper.wheel.schedule(this, next);
  }
}
