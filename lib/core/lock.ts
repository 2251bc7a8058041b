import type { Acquisition } from './acquisition.js';
import { type Duration, toMilliseconds } from './duration.js';
import { LockLostError } from './errors.js';
import type { OnDelay } from './lease.js';
import { NestedPlace } from './nested.js';
import type { LockMode } from './options.js';
import { here } from './runtime.js';
import { LockSignal } from './signals.js';
import type { Watched } from './timer.js';

/** A lock that is held: of one name, or of several. The handle is the lock: all that can be done with it is here. */
export interface Lock extends AsyncDisposable {
  /** The name; of several, the first. */
  readonly name: string;
  /** All names, in the order in which they are locked. */
  readonly names: readonly string[];
  readonly mode: LockMode;
  /**
   * Grows with every exclusive grant of the name, also when the store lost its data. Hand it to the resource and let
   * the resource refuse older ones. Overlapping shared holders have the same. Of several names, the token of `name`.
   */
  readonly fencingToken: number;
  /** The token of each name. */
  readonly fencingTokens: ReadonlyMap<string, number>;
  /**
   * Aborts with a `LockLostError` when the lock is lost, and when a shutdown takes it that waits no longer, or an election
   * that resigns (`why: 'released'`). A release by the caller does not abort it.
   */
  readonly signal: AbortSignal;
  /** Whether it is ours at this very moment, by our own clock. */
  readonly held: boolean;
  /** What is left of the lease in ms, by the monotonic clock: a lower bound. `0` when it is not held. */
  remaining(): number;
  /**
   * Starts the lease anew; with `ttl`, that is its length from now on.
   * @throws LockLostError when it is not held any more, LockUnavailableError when the store does not answer.
   */
  extend(ttl?: Duration): Promise<void>;
  /**
   * Gives it back. True: it was ours until now. False: it had been lost. A second call does nothing, and resolves to
   * the same. While the store does not answer it is asked again, until the lease ends.
   * @throws LockUnavailableError when the lease has ended without an answer: whether it was ours until then is unknown; and
   * when the store refuses, which is then asked again, unseen, until the lease ends.
   */
  release(): Promise<boolean>;
  /**
   * Calls `listener` when somebody asks for the lock (`LockService.requestRelease`), once; soon, when somebody has asked
   * already. Whether and when to release is the holder's to decide. The returned function takes the listener away.
   */
  onReleaseRequested(listener: () => void): () => void;
}

/** How long the outcome of a body, or the end of a block, waits for the store to acknowledge the release. */
export const RELEASE_PATIENCE_MS = 250;

/** The end of a body or of a block, which is held up until then. */
export interface AwaitedEnd extends Watched<AwaitedEnd> {
  readonly resolve: () => void;
}

/** Somebody has asked for `signal`. */
interface Watch {
  readonly source: LockSignal;
  readonly check: () => void;
}

/** A lock in the hands of one caller, made of one acquisition or of several, each of which it may share with outer calls. */
export abstract class HeldLock implements Lock {
  abstract readonly name: string;
  abstract readonly names: readonly string[];
  abstract readonly mode: LockMode;
  abstract readonly fencingToken: number;
  abstract readonly held: boolean;
  /** In the order of `names`; at least one. */
  abstract readonly parts: readonly Acquisition[];
  #watch: Watch | undefined;
  /** Called when the user releases it. */
  onReleased: (() => void) | undefined;
  /** The body has ended, or is about to give the lock back: nested calls do not share it any more. */
  #ended = false;
  /** Where nested calls that share it run, one at a time. */
  #places: Map<Acquisition, NestedPlace> | undefined;
  /** The places in the frames around it that it has itself. */
  nestedIn: readonly NestedPlace[] | undefined;
  /** Take away those who listen to requests for release. */
  #listeners: Set<() => void> | undefined;
  #released: Promise<boolean> | undefined;
  #completed: Promise<boolean> | undefined;

  /** Leaves all parts. False: one of them was lost. */
  protected abstract leaveParts(onDelay?: OnDelay): Promise<boolean>;

  get fencingTokens(): ReadonlyMap<string, number> {
    return new Map(this.parts.map(({ name, ownToken }) => [name, ownToken]));
  }

  get signal(): AbortSignal {
    this.#watch ??= this.#startWatch();
    if (!this.#released && !this.held) this.#watch.check();
    return this.#watch.source.signal;
  }

  get released(): boolean {
    return this.#released !== undefined;
  }

  /** The error that says what became of it; undefined as long as nothing did. */
  get lost(): LockLostError | undefined {
    const lost = this.parts.find(({ why }) => why !== undefined);
    return lost && new LockLostError(lost.name, lost.why ?? 'taken');
  }

  /** What it has of a name, if nested calls may share it. */
  openPart(name: string): Acquisition | undefined {
    return this.#released || this.#ended ? undefined : this.parts.find((part) => part.name === name && part.isAlive);
  }

  /** Where nested calls that share `part` run. */
  placeFor(part: Acquisition): NestedPlace {
    this.#places ??= new Map();
    const place = this.#places.get(part) ?? new NestedPlace();
    this.#places.set(part, place);
    return place;
  }

  /** From now on it takes no nested call in; those who wait for it stand in line elsewhere. */
  end(): void {
    this.#ended = true;
    if (this.#places) for (const place of this.#places.values()) place.close();
  }

  remaining(): number {
    if (this.#released) return 0;
    return this.parts.reduce((least, part) => Math.min(least, part.claim.remaining()), Number.POSITIVE_INFINITY);
  }

  async extend(ttl?: Duration): Promise<void> {
    const ms = ttl === undefined ? undefined : toMilliseconds(ttl, 'ttl', { min: 1 });
    if (this.#released) throw new LockLostError(this.name, 'released');
    const ours = await Promise.all(this.parts.map((part) => part.claim.extend(ms, () => part.isAlive)));
    if (!ours.every(Boolean)) throw this.lost ?? new LockLostError(this.name, 'released');
  }

  release(): Promise<boolean> {
    this.#released ??= this.#release();
    return this.#released;
  }

  /**
   * As `release`, of which only the first attempt is awaited, and that for a moment. `onDelay` is called when the store has
   * not taken it at once; `onLateLoss` when it says afterwards that the lock had been lost. Never rejects.
   */
  giveBack(onDelay?: OnDelay, onLateLoss?: () => void): Promise<void> {
    return new Promise((resolve) => {
      const { watchdog } = (this.parts[0] as Acquisition).claim;
      const end: AwaitedEnd = { resolve, overdueAt: 0, before: undefined, behind: undefined };
      const settle = (): void => {
        watchdog.callOff(end);
        resolve();
      };
      watchdog.watch(end);
      this.#released ??= this.#release((problem) => {
        onDelay?.(problem);
        settle();
      });
      this.#released.then((ours) => {
        if (end.overdueAt === 0 && !ours) onLateLoss?.();
        settle();
      }, settle);
    });
  }

  onReleaseRequested(listener: () => void): () => void {
    if (this.#released) return () => {};
    const endAll = (): void => {
      this.#listeners?.delete(endAll);
      for (const end of ends) end();
    };
    this.#listeners ??= new Set();
    this.#listeners.add(endAll);
    const context = here();
    // Once, although a quorum says it for each of its servers, and several of the names may be asked for.
    const ends = this.parts.map((part) =>
      part.onRequested(() => {
        endAll();
        context(listener);
      }),
    );
    return endAll;
  }

  /**
   * Marks the name as done for `remember` ms; whoever has it alone releases it in the same step. False: it was lost, and
   * nothing is marked. A second call resolves to the same.
   */
  complete(remember: number): Promise<boolean> {
    this.end();
    this.#completed ??= this.#released ? Promise.resolve(false) : (this.parts[0] as Acquisition).markDone(remember);
    return this.#completed;
  }

  /** Tells those who listen to `signal` that they should end, before it is released. */
  stepDown(): void {
    this.#watch?.source.abort(new LockLostError(this.name, 'released'));
  }

  /**
   * Releases. Never rejects, so that the error of a block that ends is not hidden by another, and does not wait for a
   * store that hangs: the release is then repeated, unseen, until the lease ends.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.giveBack();
  }

  #release(onDelay?: OnDelay): Promise<boolean> {
    this.end();
    if (this.#watch) for (const part of this.parts) part.unwatch(this.#watch.check);
    if (this.#listeners) for (const end of this.#listeners) end();
    this.onReleased?.();
    const released = this.leaveParts(onDelay);
    if (this.nestedIn) this.#leavePlaces();
    return released;
  }

  /** What was called under it, and goes on although nobody awaits it, is in the way of the next as it was itself. */
  #leavePlaces(): void {
    for (const place of this.#places?.values() ?? []) {
      if (!place.taken) continue;
      place.whenEmpty(() => this.#leavePlaces());
      return;
    }
    for (const place of this.nestedIn ?? []) place.leave();
  }

  #startWatch(): Watch {
    const source = new LockSignal();
    const check = (): void => {
      const { lost } = this;
      if (lost) source.abort(lost);
    };
    for (const part of this.parts) part.watch(check);
    return { source, check };
  }
}

/** Several names at once, or a nested call that shares what an outer one holds. */
export class JointLock extends HeldLock {
  readonly parts: readonly Acquisition[];
  readonly mode: LockMode;
  #names: readonly string[] | undefined;

  constructor(parts: readonly Acquisition[], mode: LockMode) {
    super();
    this.parts = parts;
    this.mode = mode;
  }

  get name(): string {
    return this.#first.name;
  }

  get names(): readonly string[] {
    this.#names ??= this.parts.map(({ name }) => name);
    return this.#names;
  }

  get fencingToken(): number {
    return this.#first.ownToken;
  }

  get held(): boolean {
    return !this.released && this.parts.every(({ isAlive }) => isAlive);
  }

  protected async leaveParts(onDelay?: OnDelay): Promise<boolean> {
    const results = await Promise.allSettled(this.parts.map((part) => part.leave({ onDelay })));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return results.every((result) => result.status === 'fulfilled' && result.value);
  }

  get #first(): Acquisition {
    return this.parts[0] as Acquisition;
  }
}
