import { AskRounds } from './ask-rounds.js';
import type { Clock } from './clock.js';
import type { LockLostWhy } from './errors.js';
import { Instance, seqOf } from './instance.js';
import { Lease } from './lease.js';
import type { LeaseTerms } from './lease-terms.js';
import type { LockStore, Owner, PushedGrant, StoreListener } from './lock-store.js';
import { outside } from './outside.js';
import { Registry } from './registry.js';
import { RenewalWheel } from './renewal.js';
import { within } from './timer.js';
import { Waiting } from './waiting.js';
import type { Wish, WishListener } from './wish.js';

/** How long closing waits for the store to let go of the waiters. */
const CLOSE_PATIENCE_MS = 1_000;

export interface SessionOptions {
  readonly store: LockStore;
  readonly clock: Clock;
  /** The label that operators see. */
  readonly label: string;
  /** How long the store may stay silent, in ms. */
  readonly patience: number;
  readonly longestTtl: number;
}

/** One process at the store: its owners, its leases and waiters, and the messages for them. */
export class Session implements StoreListener {
  readonly store: LockStore;
  readonly clock: Clock;
  readonly patience: number;
  readonly label: string;
  readonly longestTtl: number;
  readonly wheel: RenewalWheel;
  readonly rounds: AskRounds;

  /** Those of each owner, by its number. */
  readonly #leases = new Registry<number, Lease>();
  readonly #waitings = new Registry<number, Waiting>();
  /** The exclusive leases by name, to know without asking that a name is busy. */
  readonly #exclusive = new Registry<string, Lease>();
  #instance: Instance | undefined;
  #unsubscribe: (() => void) | undefined;
  #onIdle: (() => void) | undefined;
  /** Called when a lease has ended. */
  onRelease: (() => void) | undefined;

  constructor({ store, clock, label, patience, longestTtl }: SessionOptions) {
    this.store = store;
    this.clock = clock;
    this.label = label;
    this.longestTtl = longestTtl;
    this.patience = patience;
    this.wheel = new RenewalWheel(clock);
    this.rounds = new AskRounds(clock);
  }

  /** Asks the store; `listener` hears what becomes of it. */
  ask(wish: Wish, listener: WishListener): Waiting {
    const waiting = new Waiting(this, this.#nextOwner(), wish, listener);
    this.#waitings.set(seqOf(waiting.owner), waiting);
    return waiting;
  }

  /** Keeps what was granted: renews it, watches it. `why`: what has ended an earlier hold of ours, if there is one still. */
  hold(terms: LeaseTerms, why: LockLostWhy): Lease {
    // The store grants an exclusive lock only when every earlier hold is over; one that has ended by itself says so.
    if (terms.permits === 0) this.exclusiveLease(terms.name)?.lose(why);
    const lease = new Lease(this, terms);
    this.#leases.set(seqOf(terms.owner), lease);
    if (terms.permits === 0) this.#exclusive.set(terms.name, lease);
    return lease;
  }

  /** The exclusive lease that this process holds on the name. */
  exclusiveLease(name: string): Lease | undefined {
    const lease = this.#exclusive.get(name);
    return lease?.held ? lease : undefined;
  }

  /** Whether this process holds anything. */
  get holds(): boolean {
    return this.#leases.values().some(({ held }) => held);
  }

  get heldNames(): string[] {
    return this.#leases
      .values()
      .filter(({ held }) => held)
      .map(({ terms }) => terms.name);
  }

  settled(waiting: Waiting): void {
    this.#waitings.delete(seqOf(waiting.owner), waiting);
    if (this.#waitings.size === 0) this.#onIdle?.();
  }

  ended(lease: Lease): void {
    this.#leases.delete(seqOf(lease.terms.owner), lease);
    this.#exclusive.delete(lease.terms.name, lease);
    this.onRelease?.();
  }

  granted(owner: Owner, grant: PushedGrant): void {
    this.#waitings.get(this.#own(owner))?.pushed(grant);
  }

  revoked(owner: Owner, token: number | undefined): void {
    this.#waitings.get(this.#own(owner))?.revoked(token);
    const lease = this.#leases.get(this.#own(owner));
    if (lease?.isMeant(token)) lease.lose('forced');
  }

  releaseRequested(owner: Owner, token: number | undefined): void {
    const lease = this.#leases.get(this.#own(owner));
    if (lease?.isMeant(token)) lease.user?.releaseRequested();
  }

  nudged(owner: Owner): void {
    this.#waitings.get(this.#own(owner))?.again();
  }

  reconnected(): void {
    for (const waiting of this.#waitings.values()) waiting.again();
    for (const lease of this.#leases.values()) lease.check();
  }

  /** Gives back what is held still, takes the waiters out of the queue, as far as the store answers, and hears no more. */
  async close(): Promise<void> {
    for (const waiting of this.#waitings.values()) waiting.giveUp();
    await Promise.allSettled(this.#leases.values().map((lease) => lease.abandon()));
    if (this.#waitings.size > 0) await this.#idle();
    this.wheel.clear();
    for (const waiting of this.#waitings.values()) waiting.stop();
    this.#unsubscribe?.();
  }

  /** The number of one of our owners; 0, which none of them has, for an owner of another instance. */
  #own(owner: Owner): number {
    return this.#instance?.owns(owner) ? seqOf(owner) : 0;
  }

  #nextOwner(): Owner {
    if (!this.#instance) {
      this.#instance = new Instance(this.label);
      const { id } = this.#instance;
      this.#unsubscribe = outside(() => this.store.subscribe(id, this));
    }
    return this.#instance.nextOwner();
  }

  #idle(): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    return within(CLOSE_PATIENCE_MS, idle);
  }
}
