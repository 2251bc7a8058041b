import type { AskRounds } from './ask-rounds.js';
import type { Clock } from './clock.js';
import { LockOptionsError, LockUnavailableError, storeError } from './errors.js';
import type { Busy, Granted, LockStore, Owner, PushedGrant } from './lock-store.js';
import { outside } from './outside.js';
import { extraOf } from './store-extras.js';
import { after, type CancelTimer } from './timer.js';
import type { Wish, WishListener } from './wish.js';

/** How long a store may keep a waiter that it does not hear from; a constant of the library, not the caller's `wait`. */
export const LONGEST_ALIVE_MS = 30_000;
/** A store that does not say for how long it does is asked as if this were the time. */
const ALIVE_MS = 5_000;

const SOONEST_MS = 10;
const SPREAD_MS = 20;
const SPREAD_RANKS = 50;
const RETRY_MS = 100;
const SETTLE_RETRY_MS = 500;
/** An attempt that is under way for longer says that the store is in trouble; and an older answer says nothing of now. */
const SILENCE_MS = 2_000;
/** So many grants in a row that came too late to be handed on say that the store is too slow for this ttl. */
const LATE_GRANTS = 3;

export interface WaitingKeeper {
  readonly store: LockStore;
  readonly clock: Clock;
  readonly rounds: AskRounds;
  /** How long the store may stay silent before a waiter is told so, in ms. */
  readonly patience: number;
  /** Nothing of this waiting is left in the store. */
  settled(waiting: Waiting): void;
}

/**
 * From a wish to a grant: ask, stand in line, be granted, give up. Attempts are numbered, one is in flight at a time,
 * and a lease counts from before the send of the attempt that won.
 */
export class Waiting {
  readonly owner: Owner;
  readonly wish: Wish;
  /** The last answer "busy", as long as no other has come. */
  lastBusy: Busy | undefined;

  readonly #keeper: WaitingKeeper;
  readonly #listener: WishListener;
  /** Why the last attempt got no answer. */
  #error: LockUnavailableError | undefined;
  #attempt = 0;
  #sentAt = 0;
  /** When the attempt was sent that was answered with `lastBusy`. */
  #busyAt = 0;
  /** When the first of the attempts was sent that have got no answer. */
  #silentSince: number | undefined;
  #ticket = 0;
  #lateGrants = 0;
  #inFlight = false;
  #askAgain = false;
  /** The token up to which grants have been ended by force. */
  #endedUpTo = 0;
  /** Nobody wants it any more. */
  #over = false;
  #settled = false;
  #pushed: PushedGrant | undefined;
  #cancelTimer: CancelTimer | undefined;
  #withdrawUntil = 0;

  constructor(keeper: WaitingKeeper, owner: Owner, wish: Wish, listener: WishListener) {
    this.#keeper = keeper;
    this.owner = owner;
    this.wish = wish;
    this.#listener = listener;
    this.#ask();
  }

  /** Why nothing is known of the lock at the moment; undefined when the store answers. */
  get trouble(): LockUnavailableError | undefined {
    const silence = this.#inFlight ? this.#keeper.clock.now() - this.#sentAt : 0;
    if (this.#error || silence < SILENCE_MS) return this.#error;
    return new LockUnavailableError(this.wish.name, `it has not answered for ${Math.round(silence)} ms`);
  }

  /** Whether the store has said that the lock is busy, not long ago. */
  get knowsBusy(): boolean {
    return this.lastBusy !== undefined && !this.#error && this.#keeper.clock.now() - this.#busyAt < SILENCE_MS;
  }

  /** Asks again if the last answer is too old to say anything to those who come now. */
  refresh(): void {
    if (!this.#inFlight && !this.#over && this.lastBusy && !this.knowsBusy) this.#ask();
  }

  /** Asks again now; messages may have been missed, or the state has changed. */
  again(): void {
    if (this.#inFlight) this.#askAgain = true;
    else if (this.#over) this.#withdraw();
    else this.#ask();
  }

  /** A grant was pushed. One of an older attempt than the latest is void: that attempt's answer tells more. */
  pushed(grant: PushedGrant): void {
    if (this.#over || grant.attempt !== this.#attempt) return;
    // Nobody has waited for the replicas yet: the answer to the next attempt does.
    const provisional = grant.provisional || this.wish.replicas > 0;
    if (this.#inFlight) this.#pushed = { ...grant, provisional };
    else this.#won({ ...grant, provisional });
  }

  /** What it may have been granted with this token was ended by force; undefined: whatever it may have been granted by now. */
  revoked(token = Number.POSITIVE_INFINITY): void {
    if (this.#inFlight) this.#endedUpTo = Math.max(this.#endedUpTo, token);
    if (this.#pushed && this.#pushed.token <= token) this.#pushed = undefined;
  }

  /** Nobody wants it any more. What the store grants from now on is released. */
  giveUp(): void {
    if (this.#settled) return;
    this.#over = true;
    this.#cancelTimer?.();
    if (!this.#inFlight) this.#withdraw();
  }

  /** Leaves whatever the store has still to run out by itself, after one more try at the most. */
  stop(): void {
    this.#cancelTimer?.();
    this.#withdrawUntil = Number.NEGATIVE_INFINITY;
  }

  #ask(): void {
    const { store, clock } = this.#keeper;
    const { name, permits, ttl, queue, replicas, maxWaiting, stealsAfter } = this.wish;
    this.#cancelTimer?.();
    this.#inFlight = true;
    this.#askAgain = false;
    this.#endedUpTo = 0;
    this.#attempt += 1;
    this.#sentAt = clock.now();
    const claim = {
      name,
      owner: this.owner,
      permits,
      ttl,
      alive: queue ? LONGEST_ALIVE_MS : 0,
      ticket: this.#ticket,
      attempt: this.#attempt,
      block: this.#listener.block(),
      replicas,
      maxWaiting,
      callers: this.#listener.callers(),
    };
    // A claim stands for several callers, and the first to ask may be served by another's answer.
    const asked = outside(() =>
      stealsAfter === undefined
        ? store.acquire(claim, () => !this.#over)
        : extraOf(store, 'steal', 'A steal')(claim, stealsAfter),
    );
    asked.then(
      (answer) => this.#answered(answer),
      (error: unknown) => this.#unanswered(storeError(error, name)),
    );
  }

  #answered(answer: Granted | Busy): void {
    this.#inFlight = false;
    this.#silentSince = undefined;
    this.#error = undefined;
    const pushed = this.#takePushed();
    if (this.#over) this.#withdraw();
    else if (answer.granted) this.#won(answer);
    else if (pushed) this.#won(pushed);
    else this.#refused(answer);
  }

  #takePushed(): PushedGrant | undefined {
    const pushed = this.#pushed;
    this.#pushed = undefined;
    return pushed;
  }

  #refused(busy: Busy): void {
    this.lastBusy = busy;
    this.#busyAt = this.#sentAt;
    this.#ticket = busy.ticket;
    this.#lateGrants = 0;
    if (this.wish.queue && busy.ticket === 0) {
      this.#settle();
      this.#listener.turnedAway();
      return;
    }
    if (!this.wish.queue) this.#settle();
    else if (this.#askAgain) this.#ask();
    else {
      const { retryAfter, rank, foreign } = busy;
      const aliveFor = foreign ? undefined : busy.aliveFor;
      const end = (retryAfter ?? Number.POSITIVE_INFINITY) + 1 + Math.min(rank, SPREAD_RANKS) * SPREAD_MS;
      const soon = Math.max(SOONEST_MS, Math.min(end, (aliveFor ?? ALIVE_MS) / 3));
      if (aliveFor === undefined || end < aliveFor / 3) this.#askIn(soon);
      else this.#cancelTimer = this.#keeper.rounds.schedule(soon, () => this.#ask());
    }
    this.#listener.busy();
  }

  #won(grant: Granted & { provisional?: boolean }): void {
    const elapsed = this.#keeper.clock.now() - this.#sentAt;
    if (grant.provisional || grant.token <= this.#endedUpTo) this.#ask();
    else if (elapsed > this.wish.ttl / 2) this.#wonLate();
    else {
      this.#settle();
      this.#listener.granted(grant, this.owner, this.#sentAt);
    }
  }

  /** Too little is left of it to be handed out. The store answers with the same token, and the lease starts anew. */
  #wonLate(): void {
    this.#lateGrants += 1;
    if (this.#lateGrants < LATE_GRANTS) this.#ask();
    else {
      const problem = `its answers take longer than half of the ttl of ${this.wish.ttl} ms`;
      this.#fail(new LockUnavailableError(this.wish.name, problem));
    }
  }

  #unanswered(error: LockUnavailableError | LockOptionsError): void {
    this.#inFlight = false;
    if (error instanceof LockOptionsError) {
      if (this.#over) this.#withdraw();
      else this.#fail(error);
      return;
    }
    this.#error = error;
    this.#silentSince ??= this.#sentAt;
    const { clock, patience } = this.#keeper;
    const pushed = this.#takePushed();
    if (this.#over) this.#withdraw();
    else if (pushed) this.#won(pushed);
    else if (this.lastBusy && clock.now() - this.#silentSince < patience) this.#askIn(RETRY_MS);
    else this.#fail(error);
  }

  #fail(error: LockUnavailableError | LockOptionsError): void {
    const isCertain = error instanceof LockOptionsError || !error.uncertain;
    if (!isCertain || this.#attempt > 1) this.giveUp();
    else this.#settle();
    this.#listener.failed(error);
  }

  #askIn(ms: number): void {
    this.#cancelTimer = after(ms, () => this.#ask(), { awaited: true });
  }

  #settle(): void {
    this.#over = true;
    this.#settled = true;
    this.#cancelTimer?.();
    this.#keeper.settled(this);
  }

  /** Repeated until the store says yes, or whatever it may have is over by itself. */
  #withdraw(): void {
    const { store, clock } = this.#keeper;
    if (this.#inFlight) return;
    this.#cancelTimer?.();
    this.#inFlight = true;
    this.#withdrawUntil ||= clock.now() + (this.lastBusy?.aliveFor ?? LONGEST_ALIVE_MS) + this.wish.ttl;
    store.withdraw({ name: this.wish.name, owner: this.owner }).then(
      () => this.#settle(),
      () => {
        this.#inFlight = false;
        // Then it is over by itself; but what the client keeps for a long outage may be sent after a reconnect.
        if (clock.now() < this.#withdrawUntil) this.#cancelTimer = after(SETTLE_RETRY_MS, () => this.#withdraw());
      },
    );
  }
}
