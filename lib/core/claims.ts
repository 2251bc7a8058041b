import type { Acquisition } from './acquisition.js';
import { AskRounds } from './ask-rounds.js';
import { Claim, type ClaimKeeper, type HandOverBounds, type OfName } from './claim.js';
import { type Clock } from './clock.js';
import { namesOf, type ProcessFacts } from './facts.js';
import { Instance, seqOf } from './instance.js';
import type { Line } from './line.js';
import { type AwaitedEnd, RELEASE_PATIENCE_MS } from './lock.js';
import type { LockStore, Owner, PushedGrant, StoreListener } from './lock-store.js';
import { Registry } from './registry.js';
import { RenewalWheel } from './renewal.js';
import { Ring } from './ring.js';
import { outside, runtime } from './runtime.js';
import { Watchdog, within } from './timer.js';

/** How long closing waits for the store to let go of those who wait. */
const CLOSE_PATIENCE_MS = 1_000;

export interface ClaimsOptions {
  readonly store: LockStore;
  readonly clock: Clock;
  /** The label that operators see. */
  readonly label: string;
  /** How long the store may stay silent, in ms. */
  readonly commandTimeout: number;
  readonly longestTtl: number;
  readonly bounds: HandOverBounds;
  /** Of the call chains of this service. */
  readonly realm: object;
}

/** One process at the store: all its claims, and the messages for them. */
export class Claims implements ClaimKeeper, StoreListener {
  store: LockStore;
  readonly clock: Clock;
  readonly label: string;
  readonly commandTimeout: number;
  readonly longestTtl: number;
  readonly bounds: HandOverBounds;
  readonly realm: object;
  readonly wheel: RenewalWheel;
  readonly rounds: AskRounds;
  readonly watchdog = new Watchdog<AwaitedEnd>(RELEASE_PATIENCE_MS, ({ resolve }) => resolve());
  /** Called when a lease has ended. */
  onEnded: (() => void) | undefined;

  /** All of them, by the number of the owner. */
  readonly #claims = new Ring<Claim>();
  readonly #names = new Registry<string, OfName>();
  /** The names whose release was answered in this tick, of locks that others wait for. */
  #released: Set<string> | undefined;
  /** How many are asked for, or have something left in the store. */
  #asking = 0;
  #instance: Instance | undefined;
  #unsubscribe: (() => void) | undefined;
  #onIdle: (() => void) | undefined;

  constructor({ store, clock, label, commandTimeout, longestTtl, bounds, realm }: ClaimsOptions) {
    this.store = store;
    this.clock = clock;
    this.label = label;
    this.commandTimeout = commandTimeout;
    this.longestTtl = longestTtl;
    this.bounds = bounds;
    this.realm = realm;
    this.wheel = new RenewalWheel(clock);
    this.rounds = new AskRounds(clock);
  }

  /** Puts the acquisition where it will be served. */
  enter(acquisition: Acquisition): void {
    const { name, options, wait, stealsAfter } = acquisition;
    let heldHere = this.heldHere(name);
    if (heldHere?.resume(acquisition)) return;
    if (heldHere) heldHere = this.heldHere(name);
    // Whoever was told just now that the lease is lost may have aborted this very one.
    if (acquisition.isSettled) return;
    const open = this.#names.get(name)?.open;
    if (wait === 0 && stealsAfter === undefined && (heldHere || (open?.knowsBusy && options.permits === 0))) {
      const holders = heldHere ? [this.label] : [];
      acquisition.refuse({ holders, retryAfter: heldHere?.remaining() ?? 0, trouble: undefined });
      return;
    }
    const joins = options.permits === 0 && wait > 0 && this.bounds.max > 0 && !options.standalone;
    const claim = (joins && open) || this.#make(acquisition, joins);
    if (this.#released?.has(name)) claim.isReturning = true;
    claim.join(acquisition, joins ? heldHere : undefined);
  }

  succeed(claim: Claim, line: Line<Acquisition>): void {
    const { ofName } = claim;
    if (ofName?.open === claim) {
      ofName.open = undefined;
      this.#drop(ofName);
    }
    const { first } = line;
    if (first) this.#make(first, claim.isOpen).inherit(line, claim);
  }

  heldHere(name: string): Claim | undefined {
    const claim = this.#names.get(name)?.holder;
    return claim?.held ? claim : undefined;
  }

  won(claim: Claim): void {
    if (claim.permits === 0) this.#nameOf(claim).holder = claim;
  }

  settled(claim: Claim): void {
    if (!claim.held) this.#claims.delete(claim);
    this.#asking -= 1;
    if (this.#asking === 0) this.#onIdle?.();
  }

  ownerOf(seq: number): Owner {
    this.#instance ??= this.#begin();
    return this.#instance.owner(seq);
  }

  released({ name }: Claim): void {
    if (!this.#released) outside(() => runtime.setImmediate(() => (this.#released = undefined)));
    this.#released ??= new Set();
    this.#released.add(name);
  }

  ended(claim: Claim): void {
    this.#claims.delete(claim);
    const { ofName } = claim;
    if (ofName?.holder === claim) {
      ofName.holder = undefined;
      this.#drop(ofName);
    }
    this.onEnded?.();
  }

  /** Whether a caller waits. */
  get isAwaited(): boolean {
    return this.#claims.values().some(({ isAwaited }) => isAwaited);
  }

  /** How many callers wait for a lock that is busy. */
  get waiting(): number {
    return this.#claims.values().reduce((sum, { waiting }) => sum + waiting.length, 0);
  }

  /** The names that this process holds. */
  get heldNames(): string[] {
    return this.#claims
      .values()
      .filter(({ held }) => held)
      .map(({ name }) => name);
  }

  /** Ends every wait with a fresh error. */
  failAll(error: (name: string) => Error): void {
    for (const claim of this.#claims.values()) claim.failAll(error);
  }

  /** Gives back what is held still, takes the waiters out of the queue, as far as the store answers, and hears no more. */
  async close(): Promise<void> {
    const claims = this.#claims.values();
    for (const claim of claims) claim.giveUp();
    await Promise.allSettled(claims.map((claim) => claim.abandon()));
    if (this.#asking > 0) await this.#idle();
    this.wheel.clear();
    for (const claim of claims) claim.stop();
    this.watchdog.hurry();
    this.#unsubscribe?.();
  }

  // Messages

  granted(owner: Owner, grant: PushedGrant): void {
    this.#ours(owner)?.pushed(grant);
  }

  revoked(owner: Owner, token: number | undefined): void {
    this.#ours(owner)?.revoked(token);
  }

  releaseRequested(owner: Owner, token: number | undefined): void {
    this.#ours(owner)?.requested(token);
  }

  nudged(owner: Owner): void {
    this.#ours(owner)?.again();
  }

  /** An operator asks what this process knows of some names. */
  asked(question: string): string {
    const names = namesOf(question);
    const claims = this.#claims.values();
    const facts: ProcessFacts = {
      held: claims.flatMap(({ holder }) => (holder && names.has(holder.name) ? holder.heldFact : [])),
      waiting: claims
        .flatMap(({ waiting }) => waiting.map((acquisition) => acquisition.waitingFact(this.realm)))
        .filter(({ name, holds }) => names.has(name) || holds.some((held) => names.has(held))),
    };
    return JSON.stringify(facts);
  }

  /** Hears messages from now on, if it did not already. */
  listen(): void {
    this.#instance ??= this.#begin();
  }

  reconnected(): void {
    for (const claim of this.#claims.values()) claim.reconnected();
  }

  #begin(): Instance {
    const instance = new Instance(this.label);
    this.#unsubscribe = outside(() => this.store.subscribe(instance.id, this));
    return instance;
  }

  /** The claim of this owner; undefined for one of another instance, and for one that is over. */
  #ours(owner: Owner): Claim | undefined {
    return this.#instance?.owns(owner) ? this.#claims.get(seqOf(owner)) : undefined;
  }

  #make(first: Acquisition, isOpen: boolean): Claim {
    const claim = new Claim(this, this.#claims.next(), first, isOpen);
    this.#claims.add(claim);
    if (isOpen) this.#nameOf(claim).open = claim;
    this.#asking += 1;
    return claim;
  }

  #nameOf(claim: Claim): OfName {
    const { name } = claim;
    claim.ofName ??= this.#names.get(name);
    if (!claim.ofName) {
      claim.ofName = { name, open: undefined, holder: undefined };
      this.#names.set(name, claim.ofName);
    }
    return claim.ofName;
  }

  #drop(ofName: OfName): void {
    if (!ofName.open && !ofName.holder) this.#names.delete(ofName.name, ofName);
  }

  #idle(): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    return within(CLOSE_PATIENCE_MS, idle);
  }
}
