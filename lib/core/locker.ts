import { Acquisition, type Circumstances } from './acquisition.js';
import type { HandOverBounds } from './claim.js';
import { Claims } from './claims.js';
import type { Clock } from './clock.js';
import { type Chain, chainHere, heldHere, namesHeldBy, runWithin } from './context.js';
import {
  LockBusyError,
  LockClosedError,
  LockLostError,
  LockUnavailableError,
  LockUpgradeError,
  OWN_CHAIN_REMEDY,
} from './errors.js';
import { ANSWER_MS, factsOf, type ProcessFacts, questionOf } from './facts.js';
import { type HeldLock, JointLock, type Lock } from './lock.js';
import type { LockStore, StoreStatus } from './lock-store.js';
import { harmless, type LockLogger } from './logger.js';
import { assertGiven, enterFrames, isOpen, type NestedPlace, type Outer, takePlaces } from './nested.js';
import { assertNoLonger, type ResolvedLockOptions } from './options.js';
import { extraOf, StoreCalls } from './store-calls.js';
import { pause, within } from './timer.js';
import type { Witnesses } from './witness.js';

/** How long a shutdown lets those wait on who wait already, and how often it looks. */
const SETTLE_MS = 250;
const SETTLE_STEP_MS = 5;

/** So many locks are named in a warning. */
const MOST_SHOWN = 5;
/** So many places are named at the most. */
const MOST_WARNINGS = 1_000;

/** What a locker needs to know besides its store. Durations in ms. */
export interface LockerOptions {
  /** The label that operators see. */
  readonly instance: string;
  /** How long one call to the store may take. */
  readonly commandTimeout: number;
  readonly shutdownGrace: number;
  readonly localHandOver: HandOverBounds;
  readonly longestTtl: number;
  readonly logger: LockLogger | undefined;
  readonly defaults: ResolvedLockOptions;
}

/** What runs with the lock in hand. */
export type LockedBody<T> = (lock: Lock) => T | PromiseLike<T>;
type HandleBody<T> = (lock: HeldLock) => T | PromiseLike<T>;

/** Turns names and options into held locks, and runs bodies under them; everything that is not Nest's or a driver's. */
export class Locker {
  /** What is asked of the store beside locks. */
  readonly calls: StoreCalls;
  /** Of an observed service. */
  witnesses: Witnesses | undefined;
  /** Finds a circle of waits from a name that is waited for to one that the caller holds. */
  findCycle: ((wanted: string, held: readonly string[]) => Promise<readonly string[] | undefined>) | undefined;
  readonly #store: LockStore;
  readonly #clock: Clock;
  readonly #options: LockerOptions;
  readonly #claims: Claims;
  readonly #warn: (message: string) => void;
  /** What ends before the locks are given back. */
  readonly #endings: (() => Promise<void>)[] = [];
  /** The places that a warning of a chain that waits for itself has named. */
  readonly #warned = new Set<string>();
  #bodies = 0;
  #onQuiet: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(store: LockStore, clock: Clock, options: LockerOptions) {
    this.calls = new StoreCalls(store, (name) => this.assertOpen(name));
    this.#store = store;
    this.#clock = clock;
    this.#options = options;
    const logger = options.logger && harmless(options.logger);
    this.#warn = (message) => logger?.warn(message);
    const { instance: label, commandTimeout, localHandOver: bounds, longestTtl } = options;
    this.#claims = new Claims({ store, clock, label, commandTimeout, longestTtl, bounds, realm: this });
  }

  /** All the names, or none. `names` are in the global order. */
  acquire(names: readonly string[], options: ResolvedLockOptions): Promise<HeldLock> {
    if (names.length > 1) return this.#acquireAll(names, options, []);
    const name = names[0] as string;
    try {
      return this.#acquireOne(name, options, options.wait);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #acquireAll(
    names: readonly string[],
    options: ResolvedLockOptions,
    shared: readonly Acquisition[],
  ): Promise<HeldLock> {
    const since = this.#clock.now();
    const parts: Acquisition[] = [];
    try {
      for (const name of names) this.#ownHold(name, options);
      for (const name of names) {
        const known = shared.find((part) => part.name === name);
        const wait = Math.max(0, options.wait - (this.#clock.now() - since));
        parts.push(known ?? (await this.#acquireOne(name, options, wait)));
      }
      // While it waited for the later names, the leases of the earlier ones went on.
      for (const part of parts) if (!shared.includes(part)) await part.freshen();
      const lost = parts.find(({ isAlive }) => !isAlive);
      if (lost) throw new LockLostError(lost.name, lost.why ?? 'released');
    } catch (error) {
      const all = new Set([...shared, ...parts]);
      await Promise.all([...all].map((part) => part.giveUp()));
      throw error;
    }
    return new JointLock(parts, options.mode);
  }

  /** Runs `body` under the lock; with `reentrant`, what this call chain holds already is shared. */
  run<T>(names: readonly string[], options: ResolvedLockOptions, body: HandleBody<T>): Promise<T> {
    const { reentrant } = options;
    return this.runHolding(
      () => (reentrant ? this.#enter(names, options) : this.acquire(names, options)),
      options,
      body,
    );
  }

  /** Shares what the call chain holds of the names, one nested call at a time, and acquires the rest. */
  async #enter(names: readonly string[], options: ResolvedLockOptions): Promise<HeldLock> {
    options.signal?.throwIfAborted();
    const since = this.#clock.now();
    const waited = (): number => this.#clock.now() - since;
    const left = (): number => Math.max(0, options.wait - waited());
    for (;;) {
      const outer = names.flatMap((name) => this.#ownHold(name, options) ?? []);
      if (outer.length === 0) return this.acquire(names, { ...options, wait: left() });
      for (const { part } of outer) assertGiven(part, options);
      // Whoever comes while the outer body runs, and finds the place free, is in, also when nobody awaits it.
      const places = takePlaces(outer) ?? (await enterFrames(outer, { left, waited, signal: options.signal }));
      if (places) return this.#share(names, { ...options, wait: left() }, outer, places);
    }
  }

  async #share(
    names: readonly string[],
    options: ResolvedLockOptions,
    outer: readonly Outer[],
    places: readonly NestedPlace[],
  ): Promise<HeldLock> {
    const shared = outer.map(({ part }) => part);
    for (const part of shared) part.share();
    try {
      const lock = await this.#acquireAll(names, options, shared);
      lock.nestedIn = places;
      return lock;
    } catch (error) {
      for (const place of places) place.leave();
      throw error;
    }
  }

  /** Runs `body` under the lock that `obtain` gets. */
  async runHolding<T>(obtain: () => Promise<HeldLock>, options: ResolvedLockOptions, body: HandleBody<T>): Promise<T> {
    this.#bodies += 1;
    try {
      return await this.#runUnder(await obtain(), options, body);
    } finally {
      this.#bodies -= 1;
      this.#checkQuiet();
    }
  }

  /** How many locks this process holds, and how many of its callers wait. */
  get counts(): { readonly held: number; readonly waiting: number } {
    return { held: this.#claims.heldNames.length, waiting: this.#claims.waiting };
  }

  /** What the processes of these instances know of the names, as far as they answer. */
  async ask(instances: readonly string[], names: readonly string[]): Promise<Map<string, ProcessFacts>> {
    const { store } = this.calls;
    this.#claims.listen();
    // What another program wrote names no process.
    const known = [...new Set(instances)].filter((instance) => instance !== '');
    const answers = await store.ask?.(known, questionOf(names), ANSWER_MS);
    return new Map([...(answers ?? [])].map(([instance, answer]) => [instance, factsOf(answer)]));
  }

  /** From now on, all that is asked of the store goes by the one that `wrap` makes of it. */
  askThrough(wrap: (store: LockStore) => LockStore): void {
    const store = wrap(this.#store);
    this.calls.store = store;
    this.#claims.store = store;
  }

  /** What operators see of the store without asking it. */
  get storeStatus(): StoreStatus {
    return this.#store.status?.() ?? { kind: 'custom', messagesProven: undefined };
  }

  get defaults(): ResolvedLockOptions {
    return this.#options.defaults;
  }

  /** How long a shutdown waits for what runs, in ms. */
  get shutdownGrace(): number {
    return this.#options.shutdownGrace;
  }

  get longestTtl(): number {
    return this.#options.longestTtl;
  }

  /** `end` is called when the service closes, and awaited before what is held is given back. */
  beforeClose(end: () => Promise<void>): void {
    this.#endings.push(end);
  }

  warn(message: string): void {
    this.#warn(message);
  }

  /** Before a shutdown: until no caller waits any more, but not for what takes long. */
  async settle(): Promise<void> {
    const end = this.#clock.now() + Math.min(SETTLE_MS, this.#options.shutdownGrace);
    while (this.#claims.isAwaited && this.#clock.now() < end) {
      await pause(SETTLE_STEP_MS);
    }
  }

  close(): Promise<void> {
    // Later, since whoever is told in the course of it may close again.
    this.#closing ??= Promise.resolve().then(() => this.#close());
    return this.#closing;
  }

  #acquireOne(name: string, options: ResolvedLockOptions, wait: number): Promise<Acquisition> {
    this.assertOpen(name);
    assertNoLonger(this.#options.longestTtl, options);
    options.signal?.throwIfAborted();
    if (options.steal) return this.#steal(name, options);
    const own = this.#ownHold(name, options);
    const ownChain = own && {
      holds: () => isOpen(own),
      warn: () => this.#warnOfOwnChain(name, options.place),
    };
    const chain = own || options.standalone ? undefined : chainHere();
    const findCycle = chain && (() => this.#cycleFrom(name, chain));
    return this.#stand(name, options, { wait, ownChain, findCycle });
  }

  /** A chain that holds nothing any more is in nobody's way. */
  async #cycleFrom(name: string, chain: Chain): Promise<readonly string[] | undefined> {
    const held = namesHeldBy(chain, this);
    return held.length > 0 ? this.findCycle?.(name, held) : undefined;
  }

  #stand(name: string, options: ResolvedLockOptions, circumstances: Circumstances): Promise<Acquisition> {
    const witness = this.witnesses?.begin(name, options);
    const acquisition = new Acquisition(this.#clock, name, options, circumstances, witness, chainHere());
    this.#claims.enter(acquisition);
    return acquisition.promise;
  }

  /** Only what was seen is ended: a repeat of the command must not throw out whoever came next. */
  async #steal(name: string, options: ResolvedLockOptions): Promise<Acquisition> {
    extraOf(this.#store, 'steal', 'To take a lock from its holder');
    for (let before: number | null | undefined; ; ) {
      const { lastToken } = await this.calls.look(name);
      this.assertOpen(name);
      try {
        return await this.#stand(name, options, { wait: 0, stealsAfter: lastToken });
      } catch (error) {
        // Refused although nobody was granted it meanwhile: what stands there is no token.
        if (!(error instanceof LockBusyError) || Object.is(lastToken, before)) throw error;
        before = lastToken;
      }
    }
  }

  async #runUnder<T>(lock: HeldLock, { onLost }: ResolvedLockOptions, body: HandleBody<T>): Promise<T> {
    const onDelay = (problem: LockUnavailableError): void => this.#warnOfDelay(lock, problem);
    let value: T;
    try {
      // Between the grant and now the service may have closed.
      if (!lock.held) throw lock.lost ?? new LockLostError(lock.name, 'released');
      const run = (): T | PromiseLike<T> => runWithin(this, lock, () => body(lock));
      value = await (this.witnesses && !lock.nestedIn ? witnessed(lock, run) : run());
    } catch (error) {
      await lock.giveBack(onDelay);
      throw error;
    }
    // The body's outcome is the caller's, whatever becomes of the release.
    await lock.giveBack(onDelay, () => this.#warnOfLateLoss(lock));
    const { lost } = lock;
    if (lost && onLost === 'throw') throw new LockLostError(lost.lockName as string, lost.why, value);
    return value;
  }

  async #close(): Promise<void> {
    this.#claims.failAll((name) => new LockClosedError(name));
    await Promise.all([...this.#endings.map((end) => end()), this.#quiet()]);
    await this.#claims.close();
  }

  /** Until the last body has ended and the last lock is given back, at most the grace. */
  async #quiet(): Promise<void> {
    const { shutdownGrace } = this.#options;
    if (this.#isQuiet || shutdownGrace === 0) return;
    const quiet = new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
    });
    this.#claims.onEnded = () => this.#checkQuiet();
    await within(shutdownGrace, quiet);
    if (!this.#isQuiet) this.#warnOfHeld();
  }

  get #isQuiet(): boolean {
    return this.#bodies === 0 && this.#claims.heldNames.length === 0;
  }

  #checkQuiet(): void {
    if (this.#onQuiet && this.#isQuiet) this.#onQuiet();
  }

  /** What the own call chain holds of the name. A chain that waits for its own shared hold to end waits for itself. */
  #ownHold(name: string, { mode, standalone }: ResolvedLockOptions): Outer | undefined {
    const own = standalone ? undefined : heldHere(this, name);
    if (mode === 'exclusive' && own && own.part.claim.permits > 0) throw new LockUpgradeError(name);
    return own;
  }

  /** Once for each place: a decorated method, or what the name begins with. */
  #warnOfOwnChain(name: string, method: string | undefined): void {
    const place = method ?? name.split(':', 1).join();
    if (this.#warned.has(place) || this.#warned.size === MOST_WARNINGS) return;
    this.#warned.add(place);
    const where = method === undefined ? '' : ` (in ${method})`;
    this.#warn(
      `The lock "${name}" is asked for${where} by a call chain that holds it already: where the outer call awaits the inner one, it waits for itself. ${OWN_CHAIN_REMEDY}`,
    );
  }

  #warnOfLateLoss(lock: HeldLock): void {
    this.#warn(
      `The lock "${lock.names.join(', ')}" had been lost before its body ended, which the store has said only after the call ` +
        'returned: another holder may have worked at the same time. Let the resource refuse older fencing tokens where that does harm.',
    );
  }

  #warnOfDelay(lock: HeldLock, { problem }: LockUnavailableError): void {
    this.#warn(
      `The lock "${lock.names.join(', ')}" could not be released at once (${problem}). It is tried again until its lease ends.`,
    );
  }

  #warnOfHeld(): void {
    const { heldNames: names } = this.#claims;
    const shown = names.slice(0, MOST_SHOWN).map((name) => `"${name}"`);
    const more = names.length > MOST_SHOWN ? ` and ${names.length - MOST_SHOWN} more` : '';
    const what =
      names.length === 0 ? 'work whose lock was lost goes on' : `these locks are in use: ${shown.join(', ')}${more}`;
    this.#warn(
      `The shutdown has waited for ${this.#options.shutdownGrace} ms and waits no longer, although ${what}. What is held is ` +
        'released, and its `signal` aborts. End the work when `signal` aborts, or raise the option `shutdownGrace`.',
    );
  }

  /** Throws `LockClosedError` once the service closes. */
  assertOpen(name: string): void {
    if (this.#closing) throw new LockClosedError(name);
  }
}

/** Runs what runs under the lock as its witnesses want it. */
function witnessed<T>({ parts }: HeldLock, run: () => T): T {
  const wrap = (inner: () => T, { witness }: Acquisition): (() => T) => (witness ? () => witness.run(inner) : inner);
  return parts.reduceRight(wrap, run)();
}
