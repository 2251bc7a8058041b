import type { Claim } from './claim.js';
import { type Clock } from './clock.js';
import { type Chain, namesHeldBy } from './context.js';
import { LockBusyError, type LockLostWhy, LockUnavailableError } from './errors.js';
import type { HeldFact, WaitingFact } from './facts.js';
import type { OnDelay } from './lease.js';
import type { Linked } from './line.js';
import { HeldLock } from './lock.js';
import type { ReleaseAnswer } from './lock-store.js';
import type { LockMode, ResolvedLockOptions } from './options.js';
import { runtime } from './runtime.js';
import { onAbort } from './signals.js';
import { after, type CancelTimer } from './timer.js';
import type { Witness } from './witness.js';

/** What stands between an acquisition and its lock. */
export interface Obstacle {
  readonly holders: readonly string[];
  readonly retryAfter: number | null;
  /** The store has stopped answering. */
  readonly trouble: LockUnavailableError | undefined;
  /** As many wait as may. */
  readonly crowded?: boolean;
}

/** The call chain of a caller, which holds what it asks for. */
export interface OwnChain {
  /** Whether it holds it still. */
  holds(): boolean;
  /** It turns out that the caller has to wait for it. */
  warn(): void;
}

/** What an acquisition depends on beside its options. */
export interface Circumstances {
  /** How long this caller waits, in ms. */
  readonly wait: number;
  /** Takes it from whoever has it, provided that this is the last token still; undefined: does not. */
  readonly stealsAfter?: number | null | undefined;
  /** Given where the own call chain holds the lock. */
  readonly ownChain?: OwnChain | undefined;
  /** Finds out whether call chains wait for each other in a circle; given where the own one holds something. */
  readonly findCycle?: (() => Promise<readonly string[] | undefined>) | undefined;
}

/** A caller that waits looks so often whether it waits in a circle; more often towards the end. */
const CYCLE_MS = 3_000;
/** What is left of a wait that is worth another look. */
const SHORTEST_CYCLE_MS = 50;

/**
 * What one caller has of one name, from the request through the wait and the hold to the end. It waits, and is then
 * granted, refused or given up; granted, it is the lock that the caller has, with a fencing token of its own. Nested
 * calls of the same call chain share it, and the last of them gives it back.
 */
export class Acquisition extends HeldLock implements Linked<Acquisition> {
  readonly name: string;
  readonly options: ResolvedLockOptions;
  /** How long this caller waits, in ms. */
  readonly wait: number;
  readonly stealsAfter: number | null | undefined;
  readonly witness: Witness | undefined;
  /** That of the caller while it waits, for operators who ask who waits for whom. */
  chain: Chain;
  readonly promise: Promise<Acquisition>;
  /** By which it is asked for, and held. */
  claim!: Claim;
  /** Whether it stands in the line of the claim. */
  isInLine = false;
  before: Acquisition | undefined;
  behind: Acquisition | undefined;
  /** Its own fencing token: that of the lease, or of the block that was set aside for hand-over. */
  ownToken = 0;
  /** Until when nobody else gets it, or 0; counts from when it was known to be ours, so that it does not end early. */
  keptUntil = 0;
  /** Why it was lost. */
  why: LockLostWhy | undefined;

  readonly #clock: Clock;
  readonly #since: number;
  readonly #ownChain: OwnChain | undefined;
  readonly #findCycle: Circumstances['findCycle'];
  #cycle: readonly string[] | undefined;
  #cancelCycle: CancelTimer | undefined;
  #state: 'waiting' | 'held' | 'over' = 'waiting';
  #isCounting = false;
  #resolve: ((lock: Acquisition) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #cancelWait: CancelTimer | undefined;
  #cancelAbort: (() => void) | undefined;
  /** It, and the nested calls that share it. */
  #sharers = 1;
  #watchers: Set<() => void> | undefined;
  /** Somebody has asked for the lock. */
  #isRequested = false;
  #requestListeners: Set<() => void> | undefined;

  constructor(
    clock: Clock,
    name: string,
    options: ResolvedLockOptions,
    { wait, stealsAfter, ownChain, findCycle }: Circumstances,
    witness: Witness | undefined,
    chain: Chain,
  ) {
    super();
    this.#clock = clock;
    this.#since = clock.now();
    this.name = name;
    this.options = options;
    this.wait = wait;
    this.stealsAfter = stealsAfter;
    this.#ownChain = ownChain;
    this.#findCycle = findCycle;
    this.witness = witness;
    this.chain = chain;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    if (signal) this.#cancelAbort = onAbort(signal, () => this.fail(signal.reason));
  }

  get names(): readonly string[] {
    return [this.name];
  }

  get mode(): LockMode {
    return this.options.mode;
  }

  get parts(): readonly Acquisition[] {
    return [this];
  }

  get fencingToken(): number {
    return this.ownToken;
  }

  get held(): boolean {
    return !this.released && this.isAlive;
  }

  /** Whether it is held by anybody: its caller, or nested calls that share it. */
  get isAlive(): boolean {
    return this.#state === 'held' && this.claim.held;
  }

  /** Whether it is known to be busy, and waited for. */
  get isWaiting(): boolean {
    return this.#isCounting && this.#state === 'waiting';
  }

  get heldFact(): HeldFact {
    return { name: this.name, method: this.options.place ?? null };
  }

  waitingFact(realm: object): WaitingFact {
    return { ...this.heldFact, holds: namesHeldBy(this.chain, realm) };
  }

  /** Granted, refused or given up. */
  get isSettled(): boolean {
    return this.#state !== 'waiting';
  }

  /** The lease to ask for, in ms. */
  get ttl(): number {
    const { ttl, maxHold } = this.options;
    // What has to be kept longer than it may be held is still there when it is given back for that.
    return this.isKeptLonger ? ttl : Math.min(ttl, maxHold);
  }

  /** Whether it is to be kept from the others (`holdAtLeast`) for longer than it may be held. */
  get isKeptLonger(): boolean {
    return this.options.holdAtLeast > this.options.maxHold;
  }

  /** Whether it takes the lock from its holder. */
  get steals(): boolean {
    return this.stealsAfter !== undefined;
  }

  /** Whether the lease of somebody else can serve it: one that is renewed for as long as it takes. */
  get isServedByAnyLease(): boolean {
    return this.options.renew && this.options.maxHold === Number.POSITIVE_INFINITY;
  }

  // While it waits

  /** It is known that the lock is busy: the wait, which began with the request, may end from now on. */
  startCounting(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    this.#waitsForItself();
    const left = this.wait - (this.#clock.now() - this.#since);
    if (left <= 0) {
      this.#giveUp();
      return;
    }
    this.witness?.waiting();
    if (this.#findCycle) this.#lookForCycle(left);
    if (left < Number.POSITIVE_INFINITY) this.#cancelWait = after(left, () => this.#giveUp(), { awaited: true });
  }

  /** It is busy and does not wait, or not any more. */
  refuse({ holders, retryAfter, trouble, crowded }: Obstacle): void {
    if (trouble) {
      this.fail(LockUnavailableError.from(trouble, this.name));
      return;
    }
    const waited = this.#clock.now() - this.#since;
    const ownChain = this.#waitsForItself();
    this.fail(new LockBusyError(this.name, waited, holders, retryAfter, crowded, ownChain, this.#cycle));
  }

  /** Again and again, while `left` ms are left of the wait. What is found last is told when the wait ends in vain. */
  #lookForCycle(left: number): void {
    if (left < SHORTEST_CYCLE_MS) return;
    const found = (cycle: readonly string[] | undefined): void => {
      this.#cycle = cycle;
      if (this.isWaiting) this.#lookForCycle(this.wait - (this.#clock.now() - this.#since));
    };
    // A store that does not answer is told of by others.
    const look = (): void => void this.#findCycle?.().then(found, () => found(this.#cycle));
    this.#cancelCycle = after(Math.min(CYCLE_MS, left / 2), look);
  }

  fail(error: unknown): void {
    this.witness?.failed(error);
    this.#reject?.(error);
    this.#settle('over');
    if (this.isInLine) this.claim.left(this);
  }

  /** The claim is its own from now on. */
  grant(token: number): void {
    this.ownToken = token;
    const { holdAtLeast } = this.options;
    if (holdAtLeast > 0) this.keptUntil = this.#clock.now() + holdAtLeast;
    this.witness?.granted(token);
    this.#resolve?.(this);
    this.#settle('held');
  }

  #waitsForItself(): boolean {
    if (!this.#ownChain?.holds()) return false;
    this.#ownChain.warn();
    return true;
  }

  #giveUp(): void {
    if (this.isInLine) this.refuse(this.claim.obstacle());
  }

  #settle(state: 'held' | 'over'): void {
    this.#state = state;
    this.#resolve = undefined;
    this.#reject = undefined;
    this.chain = undefined;
    this.#cancelWait?.();
    this.#cancelCycle?.();
    this.#cancelAbort?.();
  }

  // While it is held

  /** A nested call has it, too. */
  share(): void {
    this.#sharers += 1;
  }

  /**
   * One of those who share it leaves; the last gives it back. False: it was lost. Rejects when the store does not answer
   * until the lease ends. `used: false`: nothing was done under it, and nothing needs to be kept from the others.
   * `onDelay`: as for `Lease.release`.
   */
  leave({ used = true, onDelay }: { used?: boolean; onDelay?: OnDelay | undefined } = {}): Promise<boolean> {
    const isAlive = this.isAlive;
    this.#sharers -= 1;
    if (this.#sharers > 0) return Promise.resolve(isAlive);
    this.#state = 'over';
    if (!isAlive) return Promise.resolve(false);
    const { witness } = this;
    const unanswered = (error: unknown): never => {
      witness?.lost('unavailable');
      throw error;
    };
    return this.claim.giveBack(this, used, onDelay).then((released) => this.#isBack(released), witness && unanswered);
  }

  #isBack(released: ReleaseAnswer): boolean {
    if (released !== true) this.why ??= released === 'unknown' ? 'unavailable' : 'taken';
    if (this.why) this.witness?.lost(this.why);
    else this.witness?.released();
    return released === true;
  }

  /** Starts the lease anew when less than half of it is left. */
  freshen(): Promise<void> {
    return this.claim.freshen(() => this.isAlive);
  }

  /** Gives it back unused; resolves when the store has answered, or has not at once. */
  giveUp(): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => resolve();
      this.leave({ used: false, onDelay: settle }).then(settle, settle);
    });
  }

  /** Marks the name as done; the last who shares it gives it back in the same step. False: it was lost, nothing is marked. */
  async markDone(remember: number): Promise<boolean> {
    if (!this.isAlive) return false;
    const isShared = this.#sharers > 1;
    const completed = await this.claim.complete(this, remember, isShared);
    if (completed !== 'done') this.why ??= completed;
    if (this.why) this.witness?.lost(this.why);
    else if (!isShared) this.witness?.released();
    return completed === 'done';
  }

  /** Calls `watcher` when it is lost. */
  watch(watcher: () => void): void {
    this.#watchers ??= new Set();
    this.#watchers.add(watcher);
  }

  unwatch(watcher: () => void): void {
    this.#watchers?.delete(watcher);
  }

  /** The lease under it is lost, or was taken from it by a shutdown. */
  lose(why: LockLostWhy): void {
    if (this.#state !== 'held') return;
    this.why = why;
    this.witness?.lost(why);
    for (const watcher of this.#watchers ?? []) watcher();
  }

  /** Calls `listener` when somebody asks for the lock, or soon when somebody has; the returned function ends that. */
  onRequested(listener: () => void): () => void {
    this.#requestListeners ??= new Set();
    this.#requestListeners.add(listener);
    if (this.#isRequested) this.#tell(listener);
    return () => this.#requestListeners?.delete(listener);
  }

  /** Somebody asks for the lock. */
  request(): void {
    this.#isRequested = true;
    for (const listener of this.#requestListeners ?? []) this.#tell(listener);
  }

  /** Later, so that an error of the listener is its own. */
  #tell(listener: () => void): void {
    runtime.queueMicrotask(() => {
      if (this.isAlive && this.#requestListeners?.has(listener)) listener();
    });
  }

  protected leaveParts(onDelay?: OnDelay): Promise<boolean> {
    return this.leave({ onDelay });
  }
}
