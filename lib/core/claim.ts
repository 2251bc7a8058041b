import type { Acquisition, Obstacle } from './acquisition.js';
import { Asking, type AskingKeeper } from './asking.js';
import { type LockLostWhy, type LockOptionsError, type LockUnavailableError, storeError } from './errors.js';
import { labelOf } from './instance.js';
import type { Completed, OnDelay } from './lease.js';
import { Line } from './line.js';
import type { AwaitedEnd } from './lock.js';
import type { Granted, ReleaseAnswer } from './lock-store.js';
import { outside, runtime } from './runtime.js';
import { after, type CancelTimer, type Watchdog } from './timer.js';

const HANDED_OVER: Promise<ReleaseAnswer> = Promise.resolve(true);

/** The bounds of the hand-over inside one process. */
export interface HandOverBounds {
  /** How many callers in a row one lease may serve; `0`: every caller stands in the store's queue itself. */
  readonly max: number;
  /** For how long after the grant, in ms. */
  readonly within: number;
}

/** What a process has of one name: at least one of the two. */
export interface OfName {
  readonly name: string;
  /** The claim that further callers may join. */
  open: Claim | undefined;
  /** The claim by which the process holds the name alone. */
  holder: Claim | undefined;
}

/** What a claim needs of the process. */
export interface ClaimKeeper extends AskingKeeper {
  readonly bounds: HandOverBounds;
  /** For those who wait a moment for a release. */
  readonly watchdog: Watchdog<AwaitedEnd>;
  /** The claim by which this process holds the name alone. */
  heldHere(name: string): Claim | undefined;
  /** It was granted. */
  won(claim: Claim): void;
  /** It is not asked for any more. */
  settled(claim: Claim): void;
  /** Its caller was told that the lock is released, which others wait for. */
  released(claim: Claim): void;
  /** Its lease is over. */
  ended(claim: Claim): void;
  /** It serves nobody any more; those in its line have another one. */
  succeed(claim: Claim, line: Line<Acquisition>): void;
}

/**
 * What one process has at the store for one name: it asks, stands in the queue, holds the lease, renews it, serves the
 * acquisitions of this process one after the other, and gives back. How it asks is in `asking.ts`, how it holds in
 * `lease.ts`; here is whom it serves.
 *
 * A lease that is given back goes to the next in line without the store, within the bounds that keep it fair to other
 * processes; as soon as it may not, the line has another claim, and so a place in the store's queue.
 */
export class Claim extends Asking {
  /** Whether further callers may stand in its line. */
  readonly isOpen: boolean;
  /** Another caller of this process has had the lock before those who stand here, and may well come again. */
  isContended = false;
  /** Its caller has asked as soon as it had released the lock, and may well do so again. */
  isReturning = false;
  /** Everybody who stands here knows that the lock is busy. */
  allCount = true;
  /** What the process has of the name, where that is this claim among others. */
  ofName: OfName | undefined;

  declare protected readonly keeper: ClaimKeeper;
  #line = new Line<Acquisition>();
  /** Whom it serves, or has served last. */
  #serving: Acquisition | undefined;
  /** How many times it went from one caller to the next. */
  #handedOver = 0;
  #stage: 'asking' | 'winning' | 'granted' | 'passed on' = 'asking';
  /** The lease may serve further callers. */
  #mayServe = false;
  /** Given back by its caller, and kept until the end of the tick for a caller that asks in it. */
  #isLingering = false;
  #isWatched = false;
  #cancelWindow: CancelTimer | undefined;

  /** For `first`, and all who ask for the same. */
  constructor(keeper: ClaimKeeper, seq: number, first: Acquisition, isOpen: boolean) {
    const { name, ttl, options, wait, stealsAfter } = first;
    const { permits, replicas, maxWaiting } = options;
    super(keeper, seq, { name, permits, ttl, replicas, queues: wait > 0, maxWaiting, stealsAfter });
    this.isOpen = isOpen;
  }

  get watchdog(): Watchdog<AwaitedEnd> {
    return this.keeper.watchdog;
  }

  /** Whether a caller waits here, be it for the first answer of the store. */
  get isAwaited(): boolean {
    return this.#line.size > 0;
  }

  /** Those who wait here, and know that the lock is busy. */
  get waiting(): Acquisition[] {
    return this.#line.all().filter(({ isWaiting }) => isWaiting);
  }

  /** Whom it serves now. */
  get holder(): Acquisition | undefined {
    return this.held ? this.#serving : undefined;
  }

  /** `heldHere`: another caller of this process holds the lock. */
  join(acquisition: Acquisition, heldHere: Claim | undefined): void {
    if (heldHere) this.isContended = true;
    // An answer that is too old says nothing to whoever comes now: the next one does.
    this.refresh();
    const isBusy = heldHere !== undefined || this.knowsBusy;
    // The first in line may be granted it at once, and does not wait then.
    const waiting = isBusy ? this.#line.size : this.#line.size - 1;
    if (waiting >= acquisition.options.maxWaiting) {
      acquisition.refuse({ ...this.obstacle(), crowded: true });
      return;
    }
    this.#stand(acquisition);
    if (isBusy) acquisition.startCounting();
    else this.allCount = false;
    this.#advance();
  }

  /** Takes over the line of another claim, and asks. */
  inherit(line: Line<Acquisition>, { isContended, isReturning, allCount }: Claim): void {
    this.#line = line;
    this.isContended = isContended;
    this.isReturning = isReturning;
    this.allCount = allCount;
    for (const acquisition of line.all()) acquisition.claim = this;
    this.#advance();
  }

  /** Serves a caller that asks while it lingers. False: it does not, or not any more. */
  resume(acquisition: Acquisition): boolean {
    if (!this.#isLingering) return false;
    const { permits, standalone } = acquisition.options;
    const isServed = permits === 0 && !standalone && !acquisition.steals && this.#handOverWindow(acquisition) > 0;
    if (isServed) {
      this.#isLingering = false;
      this.#handOver(acquisition);
    } else this.#endLinger();
    return isServed;
  }

  left(acquisition: Acquisition): void {
    this.#remove(acquisition);
    this.#advance();
  }

  /** Ends every wait with a fresh error. */
  failAll(error: (name: string) => Error): void {
    for (const acquisition of this.#line.all()) acquisition.fail(error(this.name));
  }

  obstacle(): Obstacle {
    // What this process holds itself is busy, whatever the store says.
    const here = this.keeper.heldHere(this.name);
    if (here) return { holders: [labelOf(here.owner)], retryAfter: here.remaining(), trouble: undefined };
    const { lastBusy, trouble } = this;
    const holder = lastBusy?.holder;
    const holders = holder === undefined ? [] : [labelOf(holder)];
    return { holders, retryAfter: lastBusy ? lastBusy.retryAfter : 0, trouble };
  }

  #stand(acquisition: Acquisition): void {
    this.#line.add(acquisition);
    acquisition.claim = this;
    acquisition.isInLine = true;
  }

  #remove(acquisition: Acquisition): void {
    if (!acquisition.isInLine) return;
    acquisition.isInLine = false;
    this.#line.remove(acquisition);
  }

  /** The first in line is asked for, or waits for the lease that may serve it soon. */
  #advance(): void {
    // Finds a loss before anything else is looked at: whoever is told of it may change what stands here.
    if (this.#stage === 'granted' && this.#mayServe && !this.held) this.#mayServe = false;
    const { first } = this.#line;
    if (this.#stage === 'asking') {
      if (!first || !this.#asksFor(first)) this.#passOn();
      else if (!this.hasAsked) this.ask();
      return;
    }
    if (this.#stage !== 'granted') return;
    const window = first && this.#mayServe ? this.#handOverWindow(first) : 0;
    if (window > 0) this.#cancelWindow ??= after(window, () => this.#windowIsOver(), { awaited: true });
    else if (first || !this.#mayServe) this.#passOn();
    else this.#closeWindow();
  }

  #windowIsOver(): void {
    this.#cancelWindow = undefined;
    this.#advance();
  }

  #closeWindow(): void {
    this.#cancelWindow?.();
    this.#cancelWindow = undefined;
  }

  /** It serves nobody any more. */
  #passOn(): void {
    if (this.#stage === 'passed on') return;
    const isAsking = this.#stage === 'asking';
    this.#stage = 'passed on';
    this.#closeWindow();
    if (isAsking) this.giveUp();
    this.keeper.succeed(this, this.#line);
  }

  #asksFor({ ttl, options }: Acquisition): boolean {
    return ttl === this.ttl && options.replicas === this.replicas;
  }

  protected get callers(): number {
    return Math.max(1, this.#line.size);
  }

  /** Those who are served may come again at once: where several want the lock, as many as the bounds allow. */
  protected get wantedBlock(): number {
    return this.isContended || this.isReturning || this.#line.size > 1 ? this.keeper.bounds.max : 1;
  }

  /** It is known that the lock is busy: from now on the waits of all may end, and all of them count. */
  protected busy(): void {
    if (this.allCount) return;
    this.allCount = true;
    for (const [place, acquisition] of this.#line.all().entries()) {
      if (place < acquisition.options.maxWaiting) acquisition.startCounting();
      else acquisition.refuse({ ...this.obstacle(), crowded: true });
    }
  }

  protected turnedAway(): void {
    const { first } = this.#line;
    if (first) {
      this.#remove(first);
      first.refuse({ ...this.obstacle(), crowded: true });
    }
    this.#passOn();
  }

  protected failed(error: LockUnavailableError | LockOptionsError): void {
    const all = this.#line.all();
    for (const acquisition of all) this.#remove(acquisition);
    this.#passOn();
    for (const acquisition of all) acquisition.fail(storeError(error, this.name));
  }

  protected settled(): void {
    this.keeper.settled(this);
  }

  /** Somebody asks for what is held. */
  requested(token: number | undefined): void {
    if (this.isMeant(token)) this.#serving?.request();
  }

  protected granted({ token, block }: Granted, since: number, now: number): void {
    this.#stage = 'winning';
    // The store grants an exclusive lock only when every earlier hold is over; one that has ended by itself says so.
    const earlier = this.permits === 0 ? this.keeper.heldHere(this.name) : undefined;
    earlier?.lose(this.steals ? 'forced' : 'taken');
    // Whoever was told so may have aborted whom this is for.
    const { first } = this.#line;
    const next = first && this.#asksFor(first) ? first : undefined;
    const { renew = true, maxHold = Number.POSITIVE_INFINITY } = next?.options ?? {};
    this.begin({ token, block, renew, maxHold, isKeptLonger: next?.isKeptLonger ?? false, since, now });
    this.keeper.won(this);
    this.#stage = 'granted';
    this.#mayServe = next !== undefined && block > 1;
    if (next) {
      this.#serve(next);
      this.busy();
    } else this.release(0).catch(() => {});
    this.#advance();
  }

  #serve(acquisition: Acquisition): void {
    this.isContended = true;
    this.#remove(acquisition);
    acquisition.claim = this;
    this.#serving = acquisition;
    acquisition.grant(this.token + this.#handedOver);
  }

  /** Release and the next claim go out in the same tick. */
  giveBack(acquisition: Acquisition, used: boolean, onDelay?: OnDelay): Promise<ReleaseAnswer> {
    const next = this.#line.first;
    const retain = used ? this.#retain(acquisition) : 0;
    if (retain === 0 && this.#mayServe && this.held && this.#handOverWindow(next ?? acquisition) > 0) {
      if (next) {
        this.#handOver(next);
        return HANDED_OVER;
      }
      if (this.isReturning && this.hasQueued) {
        this.#linger(onDelay);
        return HANDED_OVER;
      }
    }
    this.#mayServe = false;
    const released = this.release(retain, onDelay);
    this.#advance();
    if (!this.hasQueued) return released;
    return released.then((answer) => {
      this.keeper.released(this);
      return answer;
    });
  }

  #handOver(next: Acquisition): void {
    this.#handedOver += 1;
    this.#serve(next);
    this.#advance();
  }

  /** A caller that comes again in the same tick is served without the store; otherwise the release goes out. */
  #linger(onDelay: OnDelay | undefined): void {
    this.#isLingering = true;
    if (this.#isWatched) return;
    this.#isWatched = true;
    const end = (): void => {
      this.#isWatched = false;
      if (this.#isLingering) this.#endLinger(onDelay);
    };
    outside(() => runtime.setImmediate(end));
  }

  #endLinger(onDelay?: OnDelay): void {
    this.#isLingering = false;
    this.#mayServe = false;
    this.release(0, onDelay).catch(() => {});
    this.#advance();
  }

  /** Not handed over: whoever is next should find the mark in the store. `staysIn`: somebody shares it still. */
  async complete(acquisition: Acquisition, remember: number, staysIn: boolean): Promise<Completed> {
    if (staysIn) return this.mark(remember);
    const completed = await this.mark(remember, this.#retain(acquisition));
    this.#mayServe = false;
    this.#advance();
    return completed;
  }

  protected get keptUntil(): number {
    return this.#serving?.keptUntil ?? 0;
  }

  protected lost(why: LockLostWhy): void {
    this.#serving?.lose(why);
    this.#mayServe = false;
    this.#advance();
  }

  protected over(): void {
    this.keeper.ended(this);
  }

  /** For how many ms more the lock is kept from the others. */
  #retain({ keptUntil }: Acquisition): number {
    return keptUntil === 0 ? 0 : Math.max(0, Math.ceil(keptUntil - this.keeper.clock.now()));
  }

  /** For how many ms from now on the lease, which is held, may still be handed to `next`. */
  #handOverWindow(next: Acquisition): number {
    if (!this.lasts || !next.isServedByAnyLease || !this.#asksFor(next)) return 0;
    if (this.length !== this.ttl || this.#handedOver + 1 >= this.block) return 0;
    const now = this.keeper.clock.now();
    return this.leftAt(now) < this.ttl / 2 ? 0 : Math.max(0, this.grantedAt + this.keeper.bounds.within - now);
  }
}
