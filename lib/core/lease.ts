import type { Clock } from './clock.js';
import { type LockLostWhy, LockUnavailableError } from './errors.js';
import type { LockStore, Owner, ReleaseAnswer } from './lock-store.js';
import { assertNoLonger } from './options.js';
import { RenewalWheel, type Scheduled } from './renewal.js';
import { extraOf } from './store-calls.js';
import { after, untilAnswered } from './timer.js';

/** What a lease needs of the process. */
export interface LeaseKeeper {
  readonly store: LockStore;
  readonly clock: Clock;
  readonly wheel: RenewalWheel;
  /** No lease is longer, in ms. */
  readonly longestTtl: number;
  /** The owner with this number. */
  ownerOf(seq: number): Owner;
}

/** What was granted, and how it is to be kept. */
export interface Terms {
  /** The first token of `block` that were set aside. */
  readonly token: number;
  readonly block: number;
  readonly renew: boolean;
  readonly maxHold: number;
  /** When `maxHold` is over, it is to be kept from the others still (`holdAtLeast`). */
  readonly isKeptLonger: boolean;
  /** When the attempt that won was sent. The lease counts from here, since the store counts from later. */
  readonly since: number;
  /** When its answer was here. */
  readonly now: number;
}

/** Whether the mark is set; else what has become of the lock. */
export type Completed = 'done' | LockLostWhy;

/** The store has not taken a release at once, which is tried again. */
export type OnDelay = (problem: LockUnavailableError) => void;

/** After an error, renewal and release are tried again this much later. */
const RETRY_MS = 100;
/** The same, once nobody waits for it any more. */
const UNSEEN_RETRY_MS = 500;

/**
 * What a claim has when it is granted: `held`, then `lost` or `released`, for good. Renewal has three answers: yes (the
 * lease starts anew), no (lost), unknown (asked again until the deadline, then lost).
 */
export abstract class Lease implements Scheduled {
  /** The number of the owner. */
  readonly seq: number;
  readonly name: string;
  /** How many may hold at once; `0` is exclusive. */
  readonly permits: number;
  /** How many replicas must have it. */
  readonly replicas: number;
  /** The length that was asked for, in ms. */
  readonly ttl: number;
  slot: number | undefined;
  before: Scheduled | undefined;
  behind: Scheduled | undefined;
  token = 0;
  /** How many tokens from `token` on are its own. */
  block = 0;
  /** When the grant was known here. */
  grantedAt = 0;
  /** For how long it may be held, in ms. */
  maxHold = Number.POSITIVE_INFINITY;
  renews = false;
  /** The length that it is renewed to, in ms. */
  length: number;

  protected readonly keeper: LeaseKeeper;
  #state: 'none' | 'held' | 'lost' | 'released' = 'none';
  #endOfHold = 0;
  #isKeptLonger = false;
  #deadline = 0;
  #due = 0;
  #inFlight: Promise<boolean | LockUnavailableError> | undefined;
  /** The last answer of the store was none. */
  #unknown = false;
  /** Nobody waits for what the store does not answer any more. */
  #abandoned = false;
  /** The release, as soon as it has begun. */
  #returned: Promise<ReleaseAnswer> | undefined;
  /** Ends the pause before the release is tried again. */
  #hurry: (() => void) | undefined;

  protected constructor(
    keeper: LeaseKeeper,
    seq: number,
    { name, permits, replicas, ttl }: Pick<Lease, 'name' | 'permits' | 'replicas' | 'ttl'>,
  ) {
    this.keeper = keeper;
    this.name = name;
    this.seq = seq;
    this.permits = permits;
    this.replicas = replicas;
    this.ttl = ttl;
    this.length = ttl;
  }

  get owner(): Owner {
    return this.keeper.ownerOf(this.seq);
  }

  /** Until when nobody else gets the lock, by our clock, as whoever has it has asked (`holdAtLeast`). */
  protected abstract get keptUntil(): number;

  /** It is not ours any more. */
  protected abstract lost(why: LockLostWhy): void;

  /** It is over: lost, or given back as far as the store answers. */
  protected abstract over(): void;

  /** It was granted. */
  protected begin({ token, block, renew, maxHold, isKeptLonger, since, now }: Terms): void {
    this.#state = 'held';
    this.token = token;
    this.block = block;
    this.grantedAt = now;
    this.renews = renew;
    this.#isKeptLonger = isKeptLonger;
    this.maxHold = maxHold;
    this.#endOfHold = since + maxHold;
    this.#deadline = since + Math.min(this.ttl, maxHold);
    this.#due = this.#dueAfter(since);
    this.#schedule();
  }

  /** Whether it is ours by our own clock, at this very moment. */
  get held(): boolean {
    if (this.#state !== 'held') return false;
    if (this.keeper.clock.now() < this.#deadline) return true;
    this.lose(this.#unknown || this.#inFlight ? 'unavailable' : 'expired');
    return false;
  }

  /** What is left, in ms; a lower bound. */
  remaining(): number {
    return this.held ? this.leftAt(this.keeper.clock.now()) : 0;
  }

  /** The same at a moment at which it is known to be held. */
  leftAt(now: number): number {
    return Math.max(0, this.#deadline - now);
  }

  /** Whether it lasts for as long as somebody has it. */
  get lasts(): boolean {
    return this.renews && this.#endOfHold === Number.POSITIVE_INFINITY;
  }

  /** Whether a message about a hold with this token means this one; undefined: it means any. */
  isMeant(token: number | undefined): boolean {
    return token === undefined || token >= this.token;
  }

  /**
   * Starts the lease anew, with `ttl` from now on, provided that it is `wanted` still when its turn has come. False: it is
   * lost, or not wanted. Rejects when the store does not answer.
   */
  async extend(ttl = this.length, wanted: () => boolean = () => true): Promise<boolean> {
    assertNoLonger(this.keeper.longestTtl, { ttl });
    while (this.#inFlight) await this.#inFlight;
    if (!this.held || !wanted()) return false;
    this.length = ttl;
    const answer = await this.#renew();
    if (answer instanceof LockUnavailableError) throw answer;
    return answer;
  }

  /** Starts the lease anew when less than half of it is left, so that no caller begins with a lock that is about to end. */
  async freshen(wanted: () => boolean): Promise<void> {
    if (this.remaining() < this.length / 2) await this.extend(this.length, wanted);
  }

  /** Asks the store whether it is still ours, without waiting for the next renewal. */
  check(): void {
    if (this.held && !this.#inFlight && this.#due !== Number.POSITIVE_INFINITY) void this.#renew();
  }

  tick(now: number): void {
    if (this.#state !== 'held') this.#letGo();
    if (!this.held) return;
    if (now >= this.#due && !this.#inFlight) void this.#renew();
    else this.#schedule();
  }

  lose(why: LockLostWhy): void {
    if (this.#state !== 'held') return;
    this.#state = 'lost';
    this.keeper.wheel.cancel(this);
    this.over();
    // By our clock it is over, by the store's it ends a little later: do not let the others wait for that.
    if (why !== 'taken' && why !== 'forced') this.#letGo();
    this.lost(why);
  }

  /**
   * Marks the name as done for `remember` ms and, with `retain`, releases in the same step. The store is asked until it
   * answers or the lease ends.
   */
  protected async mark(remember: number, retain?: number): Promise<Completed> {
    while (this.#inFlight) await this.#inFlight;
    if (!this.held) return 'released';
    const { name, owner, replicas } = this;
    const complete = extraOf(this.keeper.store, 'complete', 'A mark');
    const isOver = (): boolean =>
      this.#state === 'lost' || this.#abandoned || this.keeper.clock.now() >= this.#deadline;
    const answer = untilAnswered(() => complete({ name, owner, remember, retain, replicas }), isOver, RETRY_MS);
    // No renewal meanwhile: whether it is still ours is what an answer that was lost has changed.
    const settled = answer.then(Boolean);
    this.#inFlight = settled;
    if (retain !== undefined) {
      this.#state = 'released';
      this.#returned = settled;
      this.keeper.wheel.cancel(this);
    } else this.#schedule();
    return this.#marked(await answer);
  }

  /**
   * Gives it back, and keeps it from the others for `retain` more ms. False: it was lost. While the store does not answer
   * it is asked again, until the lease ends; rejects then, and at once when the store has refused. That keeps the process
   * alive, unless `onDelay` is given, which is called when the store has not taken the release at once.
   */
  protected release(retain: number, onDelay?: OnDelay): Promise<ReleaseAnswer> {
    if (!this.held) return Promise.resolve(false);
    this.#state = 'released';
    this.keeper.wheel.cancel(this);
    this.#returned = this.#sendBack(retain).then(
      (answer) => this.#isBack(answer),
      (error: unknown) => this.#sendBackAgain(retain, error, onDelay),
    );
    return this.#returned;
  }

  /** Gives it back although somebody works under it still, who is told; a release that is on its way is waited for. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    if (this.#state === 'held') {
      const released = this.release(this.#leftOfHoldAtLeast(), () => {});
      this.lost('released');
      await released;
      return;
    }
    this.#hurry?.();
    await this.#returned;
  }

  /** For how many ms more nobody else gets the lock, by what whoever has it has asked for. */
  #leftOfHoldAtLeast(): number {
    return Math.max(0, Math.ceil(this.keptUntil - this.keeper.clock.now()));
  }

  #sendBack(retain: number): Promise<ReleaseAnswer> {
    const { name, owner } = this;
    return this.keeper.store.release({ name, owner, retain });
  }

  #isBack(answer: ReleaseAnswer): ReleaseAnswer {
    this.over();
    return answer;
  }

  /** Unseen. */
  #letGo(): void {
    this.#sendBack(this.#leftOfHoldAtLeast()).catch(() => this.#letGoLater());
  }

  /**
   * A renewal that has no answer may be carried out after a reconnect, as the client sends it again: then the store has it
   * for one more ttl.
   */
  #letGoLater(): void {
    const again = RenewalWheel.bucket(this.keeper.clock.now() + UNSEEN_RETRY_MS, UNSEEN_RETRY_MS);
    const longer = this.#unknown || this.#inFlight ? this.length : 0;
    if (again < this.#deadline + longer) this.keeper.wheel.schedule(this, again);
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
    let problem = LockUnavailableError.from(error, this.name);
    onDelay?.(problem);
    if (problem.refused && !onDelay) {
      // What the store does not want to do, the caller need not wait for.
      this.#sendBackAgain(retain, problem, () => {}).catch(() => {});
      throw problem;
    }
    while (!this.#abandoned && this.keeper.clock.now() + RETRY_MS < this.#deadline) {
      await this.#pause(!onDelay);
      try {
        return this.#isBack(await this.#sendBack(retain));
      } catch (again) {
        problem = LockUnavailableError.from(again, this.name);
      }
    }
    this.over();
    this.#letGoLater();
    throw problem;
  }

  /** One question at a time. Its answer: yes, no, or why there is none. */
  #renew(): Promise<boolean | LockUnavailableError> {
    const { store, clock } = this.keeper;
    const { name, owner, permits, replicas } = this;
    const sentAt = clock.now();
    const longest = this.#isKeptLonger ? this.length : this.#endOfHold - sentAt;
    const ttl = Math.max(1, Math.floor(Math.min(this.length, longest)));
    // A shorter lease counts at once: the store may carry it out, and its answer may be lost.
    this.#deadline = Math.min(this.#deadline, sentAt + ttl);
    this.#inFlight = store.renew({ name, owner, ttl, permits, replicas }).then(
      (ours) => this.#renewed(ours, sentAt, ttl),
      (error: unknown) => this.#unanswered(error),
    );
    this.#schedule();
    return this.#inFlight;
  }

  #marked(answer: boolean | undefined): Completed {
    this.#inFlight = undefined;
    if (this.#state === 'released') {
      this.over();
      if (answer === undefined) this.#letGo();
    } else if (answer === false) this.lose('taken');
    else if (this.held) this.#schedule();
    return answer ? 'done' : answer === false ? 'taken' : 'unavailable';
  }

  #renewed(ours: boolean, sentAt: number, ttl: number): boolean {
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
    if (this.renews) this.#due = this.keeper.clock.now() + Math.min(RETRY_MS, this.length / 3);
    if (this.held) this.#schedule();
    return LockUnavailableError.from(error, this.name);
  }

  #dueAfter(since: number): number {
    // What is to be kept from the others then must be there still when it is given back.
    const needed = this.#endOfHold + (this.#isKeptLonger ? this.length / 3 : 0);
    if (!this.renews || since + this.length >= needed) return Number.POSITIVE_INFINITY;
    return RenewalWheel.bucket(since + this.length / 3, this.length / 3);
  }

  /** The next renewal, but never later than the deadline. */
  #schedule(): void {
    const next = this.#inFlight ? this.#deadline : Math.min(this.#due, this.#deadline);
    this.keeper.wheel.schedule(this, next);
  }
}
