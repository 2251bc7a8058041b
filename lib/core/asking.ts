import type { AskRounds } from './ask-rounds.js';
import { LockOptionsError, LockUnavailableError, storeError } from './errors.js';
import { Lease, type LeaseKeeper } from './lease.js';
import type { Busy, Granted, PushedGrant } from './lock-store.js';
import { outside } from './runtime.js';
import { extraOf } from './store-calls.js';
import { after, type CancelTimer } from './timer.js';

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

/** What asking needs of the process. */
export interface AskingKeeper extends LeaseKeeper {
  readonly rounds: AskRounds;
  /** How long the store may stay silent before those who wait are told so, in ms. */
  readonly commandTimeout: number;
}

/** What is asked of the store. */
export interface Wish {
  readonly name: string;
  /** How many may hold at once; `0` is exclusive. */
  readonly permits: number;
  readonly ttl: number;
  readonly replicas: number;
  /** Whether to stand in the queue when it is busy. */
  readonly queues: boolean;
  readonly maxWaiting: number;
  /** Takes it from whoever has it, provided that this is the last token still; undefined: does not. */
  readonly stealsAfter?: number | null | undefined;
}

/**
 * What a claim does until it is granted: asks, stands in the queue, or gives up. Attempts are numbered, one is in flight
 * at a time, and a lease counts from before the send of the attempt that won.
 */
export abstract class Asking extends Lease {
  /** The last answer "busy", as long as no other has come. */
  lastBusy: Busy | undefined;

  declare protected readonly keeper: AskingKeeper;
  readonly #queues: boolean;
  readonly #maxWaiting: number;
  readonly #stealsAfter: number | null | undefined;
  /** Nobody wants it any more. */
  #isOver = false;
  #isSettled = false;
  #isInFlight = false;
  #asksAgain = false;
  #attempt = 0;
  #sentAt = 0;
  /** When the attempt was sent that was answered with `lastBusy`. */
  #busyAt = 0;
  /** When the first of the attempts was sent that have got no answer. */
  #silentSince: number | undefined;
  /** Why the last attempt got no answer. */
  #error: LockUnavailableError | undefined;
  #ticket = 0;
  #lateGrants = 0;
  /** The token up to which grants have been ended by force. */
  #endedUpTo = 0;
  #pushed: PushedGrant | undefined;
  #withdrawUntil = 0;
  #cancelTimer: CancelTimer | undefined;

  protected constructor(keeper: AskingKeeper, seq: number, { queues, maxWaiting, stealsAfter, ...wish }: Wish) {
    super(keeper, seq, wish);
    this.#queues = queues;
    this.#maxWaiting = maxWaiting;
    this.#stealsAfter = stealsAfter;
  }

  /** For how many callers it asks, now. */
  protected abstract get callers(): number;

  /** How many tokens it asks for, now. */
  protected abstract get wantedBlock(): number;

  /** It is granted, at `now`; its lease counts from `since`. */
  protected abstract granted(grant: Granted, since: number, now: number): void;

  /** The store has said that it is busy; for good, if it does not queue. */
  protected abstract busy(): void;

  /** The queue is full. */
  protected abstract turnedAway(): void;

  protected abstract failed(error: LockUnavailableError | LockOptionsError): void;

  /** It is not asked for any more, and has nothing in the store, or a lease. */
  protected abstract settled(): void;

  /** Whether it has been asked for at all. */
  protected get hasAsked(): boolean {
    return this.#attempt > 0;
  }

  /** Whether it has had to wait in the queue of the store. */
  protected get hasQueued(): boolean {
    return this.#ticket > 0;
  }

  /** Whether it takes the lock from whoever has it. */
  protected get steals(): boolean {
    return this.#stealsAfter !== undefined;
  }

  /** Why nothing is known of the lock at the moment; undefined when the store answers. */
  get trouble(): LockUnavailableError | undefined {
    const silence = this.#isInFlight ? this.keeper.clock.now() - this.#sentAt : 0;
    if (this.#error || silence < SILENCE_MS) return this.#error;
    return new LockUnavailableError(this.name, `it has not answered for ${Math.round(silence)} ms`);
  }

  /** Whether the store has said that the lock is busy, not long ago. */
  get knowsBusy(): boolean {
    return this.lastBusy !== undefined && !this.#error && this.keeper.clock.now() - this.#busyAt < SILENCE_MS;
  }

  /** Asks again now; messages may have been missed, or the state has changed. */
  again(): void {
    if (this.#isSettled) return;
    if (this.#isInFlight) this.#asksAgain = true;
    else if (this.#isOver) this.#withdraw();
    else this.ask();
  }

  /** A grant was pushed. One of an older attempt than the latest is void: that attempt's answer tells more. */
  pushed(grant: PushedGrant): void {
    if (this.#isOver || grant.attempt !== this.#attempt) return;
    // Nobody has waited for the replicas yet: the answer to the next attempt does.
    const provisional = grant.provisional || this.replicas > 0;
    if (this.#isInFlight) this.#pushed = { ...grant, provisional };
    else this.#won({ ...grant, provisional });
  }

  /** What it has, or may have been granted, with this token was ended by force; undefined: whatever it has by now. */
  revoked(token: number | undefined): void {
    if (this.isMeant(token)) this.lose('forced');
    const upTo = token ?? Number.POSITIVE_INFINITY;
    if (this.#isInFlight) this.#endedUpTo = Math.max(this.#endedUpTo, upTo);
    if (this.#pushed && this.#pushed.token <= upTo) this.#pushed = undefined;
  }

  /** Messages may have been missed. */
  reconnected(): void {
    this.again();
    this.check();
  }

  /** Nobody wants it any more. What the store grants from now on is released. */
  giveUp(): void {
    if (this.#isSettled) return;
    this.#isOver = true;
    this.#cancelTimer?.();
    if (!this.#isInFlight) this.#withdraw();
  }

  /** Leaves whatever the store has still to run out by itself, after one more try at the most. */
  stop(): void {
    this.#cancelTimer?.();
    this.#withdrawUntil = Number.NEGATIVE_INFINITY;
  }

  /** Asks again if the last answer is too old to say anything to those who come now. */
  protected refresh(): void {
    if (this.#isOver || this.#isInFlight) return;
    if (this.lastBusy && !this.knowsBusy) this.ask();
  }

  protected ask(): void {
    const { store, clock } = this.keeper;
    const { name, owner, permits, ttl, replicas } = this;
    this.#cancelTimer?.();
    this.#isInFlight = true;
    this.#asksAgain = false;
    this.#endedUpTo = 0;
    this.#attempt += 1;
    this.#sentAt = clock.now();
    const claim = {
      name,
      owner,
      permits,
      ttl,
      alive: this.#queues ? LONGEST_ALIVE_MS : 0,
      ticket: this.#ticket,
      attempt: this.#attempt,
      block: this.wantedBlock,
      replicas,
      maxWaiting: this.#maxWaiting,
      callers: this.callers,
    };
    const stealsAfter = this.#stealsAfter;
    // A claim stands for several callers, and the first to ask may be served by another's answer.
    const asked = outside(() =>
      stealsAfter === undefined
        ? store.acquire(claim, () => !this.#isOver)
        : extraOf(store, 'steal', 'A steal')(claim, stealsAfter),
    );
    asked.then(
      (answer) => this.#answered(answer),
      (error: unknown) => this.#unanswered(storeError(error, name)),
    );
  }

  #answered(answer: Granted | Busy): void {
    this.#isInFlight = false;
    this.#silentSince = undefined;
    this.#error = undefined;
    const pushed = this.#takePushed();
    if (this.#isOver) this.#withdraw();
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
    if (this.#queues && busy.ticket === 0) {
      this.#settle();
      this.turnedAway();
      return;
    }
    if (!this.#queues) this.#settle();
    else if (this.#asksAgain) this.ask();
    else this.#askLater(busy);
    this.busy();
  }

  #askLater({ retryAfter, rank, foreign, aliveFor: told }: Busy): void {
    const aliveFor = foreign ? undefined : told;
    const end = (retryAfter ?? Number.POSITIVE_INFINITY) + 1 + Math.min(rank, SPREAD_RANKS) * SPREAD_MS;
    const soon = Math.max(SOONEST_MS, Math.min(end, (aliveFor ?? ALIVE_MS) / 3));
    if (aliveFor === undefined || end < aliveFor / 3) this.#askIn(soon);
    else this.#cancelTimer = this.keeper.rounds.schedule(soon, () => this.ask());
  }

  #unanswered(error: LockUnavailableError | LockOptionsError): void {
    this.#isInFlight = false;
    if (error instanceof LockOptionsError) {
      if (this.#isOver) this.#withdraw();
      else this.#fail(error);
      return;
    }
    this.#error = error;
    this.#silentSince ??= this.#sentAt;
    const { clock, commandTimeout } = this.keeper;
    const pushed = this.#takePushed();
    if (this.#isOver) this.#withdraw();
    else if (pushed) this.#won(pushed);
    else if (this.lastBusy && clock.now() - this.#silentSince < commandTimeout) this.#askIn(RETRY_MS);
    else this.#fail(error);
  }

  #fail(error: LockUnavailableError | LockOptionsError): void {
    const isCertain = error instanceof LockOptionsError || !error.uncertain;
    if (isCertain && this.#attempt === 1) this.#settle();
    else this.giveUp();
    this.failed(error);
  }

  #askIn(ms: number): void {
    this.#cancelTimer = after(ms, () => this.ask(), { awaited: true });
  }

  #settle(): void {
    this.#end();
    this.settled();
  }

  #end(): void {
    this.#isOver = true;
    this.#isSettled = true;
    this.#cancelTimer?.();
  }

  /** Repeated until the store says yes, or whatever it may have is over by itself. */
  #withdraw(): void {
    const { store, clock } = this.keeper;
    if (this.#isInFlight) return;
    this.#cancelTimer?.();
    this.#isInFlight = true;
    this.#withdrawUntil ||= clock.now() + (this.lastBusy?.aliveFor ?? LONGEST_ALIVE_MS) + this.ttl;
    store.withdraw({ name: this.name, owner: this.owner }).then(
      () => this.#settle(),
      () => {
        this.#isInFlight = false;
        // Then it is over by itself; but what the client keeps for a long outage may be sent after a reconnect.
        if (clock.now() < this.#withdrawUntil) this.#cancelTimer = after(SETTLE_RETRY_MS, () => this.#withdraw());
      },
    );
  }

  #won(grant: Granted & { provisional?: boolean }): void {
    const now = this.keeper.clock.now();
    if (grant.provisional || grant.token <= this.#endedUpTo) this.ask();
    else if (now - this.#sentAt > this.ttl / 2) this.#wonLate();
    else {
      this.#end();
      this.granted(grant, this.#sentAt, now);
      this.settled();
    }
  }

  /** Too little is left of it to be handed out. The store answers with the same token, and the lease starts anew. */
  #wonLate(): void {
    this.#lateGrants += 1;
    if (this.#lateGrants < LATE_GRANTS) {
      this.ask();
      return;
    }
    const problem = `its answers take longer than half of the ttl of ${this.ttl} ms`;
    this.#fail(new LockUnavailableError(this.name, problem));
  }
}
