import { type LockOptionsError, type LockUnavailableError, storeError } from './errors.js';
import { Hold, type HoldKeeper } from './hold.js';
import { labelOf } from './instance.js';
import type { Lease } from './lease.js';
import type { Completed, OnDelay } from './lease-terms.js';
import { Line, type Linked } from './line.js';
import type { Granted, Owner, ReleaseAnswer } from './lock-store.js';
import type { Obstacle, Place, Request } from './request.js';
import type { Session } from './session.js';
import { after, type CancelTimer } from './timer.js';
import type { Waiting } from './waiting.js';
import type { WishListener } from './wish.js';

/** The bounds of the hand-over inside one process. */
export interface HandOverBounds {
  /** How many callers in a row one lease may serve; `0`: every caller stands in the store's queue itself. */
  readonly max: number;
  /** For how long after the grant, in ms. */
  readonly within: number;
}

export interface LocalQueueKeeper {
  /** Nobody waits in it, and it has nothing to hand over. */
  emptied(queue: LocalQueue): void;
}

/**
 * The callers of one process that want one name, in the order in which they came. One claim in the store stands for all
 * of them: its grant goes to whoever is first then. A lease that is given back goes to the next caller without the
 * store, within the bounds that keep it fair to other processes; as soon as it may not, the next caller has a claim, and
 * so a place, in the store's queue.
 */
export class LocalQueue implements Place, WishListener, HoldKeeper, Linked<LocalQueue> {
  readonly name: string;
  before: LocalQueue | undefined;
  behind: LocalQueue | undefined;
  readonly #session: Session;
  readonly #bounds: HandOverBounds;
  readonly #keeper: LocalQueueKeeper;
  readonly #line = new Line<Request>();
  #claim: Waiting | undefined;
  /** The lease that may serve further callers. */
  #lease: Lease | undefined;
  #cancelWindow: CancelTimer | undefined;
  /** Another caller of this process has had the lock before those who stand here, and may well come again. */
  #contended = false;
  /** Everybody who stands here knows that the lock is busy. */
  #allCount = true;

  constructor(name: string, session: Session, bounds: HandOverBounds, keeper: LocalQueueKeeper) {
    this.name = name;
    this.#session = session;
    this.#bounds = bounds;
    this.#keeper = keeper;
  }

  /** Whether the store has just said that the lock is busy. */
  get knownBusy(): boolean {
    return this.#claim?.knowsBusy === true;
  }

  /** `heldHere`: another caller of this process holds the lock, which may be handed over. */
  join(request: Request, heldHere: Lease | undefined): void {
    if (heldHere) this.#contended = true;
    // An answer that is too old says nothing to whoever comes now: the next one does.
    this.#claim?.refresh();
    const isBusy = this.#lease !== undefined || this.knownBusy;
    // The first in line may be granted it at once, and does not wait then.
    const waiting = isBusy || heldHere ? this.#line.size : this.#line.size - 1;
    if (waiting >= request.options.maxWaiting) {
      request.refuse({ ...this.obstacle(heldHere), crowded: true });
      return;
    }
    this.#line.add(request);
    request.place = this;
    if (isBusy) request.startCounting();
    else this.#allCount = false;
    this.#advance();
  }

  /** Whether a caller waits here, be it for the first answer of the store. */
  get waiting(): boolean {
    return this.#line.first !== undefined;
  }

  /** Ends every wait with a fresh error. */
  failAll(error: (name: string) => Error): void {
    for (const request of this.#line.all()) request.fail(error(request.name));
  }

  obstacle(lease = this.#lease): Obstacle {
    const { lastBusy, trouble } = this.#claim ?? {};
    // What this process holds itself is busy, whatever the store says.
    if (lease?.held) {
      return { holders: [labelOf(lease.terms.owner)], retryAfter: lease.remaining(), trouble: undefined };
    }
    const holder = lastBusy?.holder;
    const retryAfter = lastBusy ? lastBusy.retryAfter : 0;
    return { holders: holder === undefined ? [] : [labelOf(holder)], retryAfter, trouble };
  }

  left(request: Request): void {
    this.#remove(request);
    this.#advance();
  }

  /** The first in line has a claim in the store, unless our own lease may serve it soon. */
  #advance(): void {
    this.#checkLease();
    const head = this.#line.first;
    if (this.#claim && !(head && asksFor(this.#claim.wish, head))) {
      this.#claim.giveUp();
      this.#claim = undefined;
    }
    const window = head && !this.#claim ? this.#handOverWindow(head) : 0;
    if (window === 0) {
      this.#cancelWindow?.();
      this.#cancelWindow = undefined;
      if (head) this.#claim ??= this.#ask(head);
      else if (!this.#lease) this.#keeper.emptied(this);
    } else {
      const over = (): void => {
        this.#cancelWindow = undefined;
        this.#advance();
      };
      this.#cancelWindow ??= after(window, over, { awaited: true });
    }
  }

  /** Finds a loss before anything else is looked at: whoever is told of it may change what stands here. */
  #checkLease(): void {
    if (this.#lease && !this.#lease.held) this.#lease = undefined;
  }

  /** It is known that the lock is busy: from now on the waits of all may end, and all of them count. */
  #countAll(): void {
    if (this.#allCount) return;
    this.#allCount = true;
    for (const [place, request] of this.#line.all().entries()) {
      if (place < request.options.maxWaiting) request.startCounting();
      else request.refuse({ ...this.obstacle(), crowded: true });
    }
  }

  #ask({ name, options: { permits, replicas, maxWaiting }, ttl, wait, stealsAfter }: Request): Waiting {
    return this.#session.ask({ name, permits, ttl, replicas, maxWaiting, queue: wait > 0, stealsAfter }, this);
  }

  /** Those who are served may come again at once: where several want the lock, as many as the bounds allow. */
  block(): number {
    return this.#contended || this.#line.size > 1 ? this.#bounds.max : 1;
  }

  callers(): number {
    return Math.max(1, this.#line.size);
  }

  busy(): void {
    this.#countAll();
  }

  turnedAway(): void {
    const obstacle = this.obstacle();
    this.#claim = undefined;
    this.#line.first?.refuse({ ...obstacle, crowded: true });
  }

  failed(error: LockUnavailableError | LockOptionsError): void {
    this.#claim = undefined;
    const requests = this.#line.all();
    for (const request of requests) this.#remove(request);
    for (const request of requests) request.fail(storeError(error, request.name));
    this.#advance();
  }

  granted({ token, block }: Granted, owner: Owner, since: number): void {
    this.#claim = undefined;
    const head = this.#line.first;
    if (!head) return;
    const { name, options, ttl, isKeptLonger, stealsAfter } = head;
    const { renew, maxHold, permits, replicas } = options;
    const terms = { name, owner, permits, ttl, renew, maxHold, isKeptLonger, replicas, token, block, since };
    const lease = this.#session.hold(terms, stealsAfter === undefined ? 'taken' : 'forced');
    if (head.settled) {
      // Whoever was told that an earlier hold is over has aborted this very request.
      lease.release(0).catch(() => {});
      this.#advance();
      return;
    }
    if (block > 1) this.#lease = lease;
    this.#serve(head, lease);
    this.#countAll();
    this.#advance();
  }

  #serve(request: Request, lease: Lease): void {
    this.#contended = true;
    this.#remove(request);
    const hold = new Hold(lease, this.#session.clock.now(), request.options.holdAtLeast, this);
    lease.user = hold;
    request.grant(hold);
  }

  #remove(request: Request): void {
    request.place = undefined;
    this.#line.remove(request);
  }

  lost(): void {
    this.#lease = undefined;
    this.#advance();
  }

  /** Release and the next claim go out in the same tick. */
  giveBack(hold: Hold, used: boolean, onDelay?: OnDelay): Promise<ReleaseAnswer> {
    this.#checkLease();
    const { lease } = hold;
    const next = this.#line.first;
    const retain = used ? this.#retain(hold) : 0;
    if (next && retain === 0 && this.#lease === lease && this.#handOverWindow(next) > 0) {
      lease.handedOver += 1;
      this.#serve(next, lease);
      this.#advance();
      return Promise.resolve(true);
    }
    this.#lease = undefined;
    const released = lease.release(retain, onDelay);
    this.#advance();
    return released;
  }

  /** Not handed over: whoever is next should find the mark in the store. */
  async complete(hold: Hold, remember: number, staysIn: boolean): Promise<Completed> {
    if (staysIn) return hold.lease.complete(remember);
    const completed = await hold.lease.complete(remember, this.#retain(hold));
    this.#lease = undefined;
    this.#advance();
    return completed;
  }

  /** For how many ms more the lock is kept from the others. */
  #retain({ keptUntil }: Hold): number {
    return Math.max(0, Math.ceil(keptUntil - this.#session.clock.now()));
  }

  /** For how many ms from now on our lease, which is held, may still be handed to `next`. */
  #handOverWindow(next: Request): number {
    const lease = this.#lease;
    if (!lease) return 0;
    const { ttl, renew, maxHold, block } = lease.terms;
    const lasts = renew && maxHold === Number.POSITIVE_INFINITY && next.servedByAnyLease;
    if (!lasts || !asksFor(lease.terms, next) || lease.ttl !== ttl || lease.handedOver + 1 >= block) return 0;
    const now = this.#session.clock.now();
    return lease.leftAt(now) < ttl / 2 ? 0 : Math.max(0, lease.grantedAt + this.#bounds.within - now);
  }
}

/** Whether a claim or a lease is of the kind that the request asks for. */
function asksFor(terms: { readonly ttl: number; readonly replicas: number }, { ttl, options }: Request): boolean {
  return terms.ttl === ttl && terms.replicas === options.replicas;
}
