import type {
  Busy,
  Granted,
  LockStore,
  LockStoreExtras,
  Owner,
  PushedGrant,
  ReleaseAnswer,
  StoreHolder,
} from '../core/lock-store.js';
import { until } from './until.js';

/** What an owner asks for; see `Claim`. */
export interface Terms {
  readonly permits: number;
  readonly ttl: number;
  readonly alive: number;
  readonly block: number;
  readonly maxWaiting?: number;
}

/** Longer than any test runs. */
const LONG_MS = 600_000;
const DEFAULT_TERMS: Terms = { permits: 0, ttl: LONG_MS, alive: LONG_MS, block: 1 };

interface Listening {
  readonly store: LockStore;
  readonly granted: ReadonlyMap<Owner, PushedGrant>;
  readonly revoked: ReadonlySet<Owner>;
  readonly nudged: Set<Owner>;
  readonly requested: ReadonlySet<Owner>;
  readonly extras: LockStoreExtras;
}

/** One owner of one lock: it numbers its attempts, and brings its ticket, as the port asks of its callers. */
export class Claimant {
  readonly owner: Owner;
  readonly name: string;
  /** The latest attempt. */
  attempt = 0;
  ticket = 0;
  readonly #peer: Listening;
  readonly #terms: Terms;
  #grantedOnHint = false;

  constructor(peer: Listening, owner: Owner, name: string, terms: Partial<Terms>) {
    this.#peer = peer;
    this.owner = owner;
    this.name = name;
    this.#terms = { ...DEFAULT_TERMS, ...terms };
  }

  /** Asks, and stands in the queue when it is refused, if there is room. */
  async ask(terms: Partial<Terms> = {}): Promise<Granted | Busy> {
    this.attempt += 1;
    const { owner, name, attempt, ticket } = this;
    const answer = await this.#peer.store.acquire({ ...this.#terms, ...terms, owner, name, attempt, ticket });
    if (!answer.granted) this.ticket = answer.ticket;
    return answer;
  }

  /** Asks, and does not wait. */
  try(): Promise<Granted | Busy> {
    return this.ask({ alive: 0 });
  }

  /** Asks for what must be granted at once. */
  async take(): Promise<Granted> {
    const answer = await this.try();
    if (answer.granted) return answer;
    throw new Error(`The lock should be free, but is busy: ${JSON.stringify(answer)}`);
  }

  /** Asks for what must be refused, and stands in the queue. */
  async queue(): Promise<Busy> {
    const answer = await this.ask();
    if (!answer.granted) return answer;
    throw new Error(`The lock should be busy, but was granted: ${JSON.stringify(answer)}`);
  }

  /**
   * The grant that the store pushes, or gives to a waiter that it has told to ask. A provisional one is made whole by
   * asking again, which gives the same token.
   */
  async grant(): Promise<PushedGrant> {
    const pushed = await until('a pushed grant', () => this.#peer.granted.get(this.owner) ?? this.#grantOnHint());
    if (!pushed.provisional) return pushed;
    const answer = await this.ask();
    if (answer.granted && answer.token === pushed.token) return pushed;
    throw new Error(`Pushed was ${JSON.stringify(pushed)}, but the answer is ${JSON.stringify(answer)}`);
  }

  /** Whether it has been granted up to now. */
  get wasGranted(): boolean {
    return this.#peer.granted.has(this.owner) || this.#grantedOnHint;
  }

  async #grantOnHint(): Promise<PushedGrant | undefined> {
    const { attempt } = this;
    if (!this.#peer.nudged.delete(this.owner)) return undefined;
    const answer = await this.ask();
    if (!answer.granted) return undefined;
    this.#grantedOnHint = true;
    return { ...answer, attempt, provisional: false };
  }

  /** Resolves when the store says that the hold was ended by force. */
  revocation(): Promise<true> {
    return until('the message that a hold was ended', () => this.#peer.revoked.has(this.owner) || undefined);
  }

  /** Resolves when the store says that asking again is worth it. */
  nudge(): Promise<true> {
    return until('the message to ask again', () => this.#peer.nudged.has(this.owner) || undefined);
  }

  renew(ttl: number = this.#terms.ttl): Promise<boolean> {
    return this.#peer.store.renew({ name: this.name, owner: this.owner, ttl });
  }

  release(retain = 0): Promise<ReleaseAnswer> {
    return this.#peer.store.release({ name: this.name, owner: this.owner, retain });
  }

  complete(remember: number, retain?: number): Promise<boolean> {
    return this.#peer.extras.complete({ name: this.name, owner: this.owner, remember, retain });
  }

  /** Asks for what others have, past the queue. */
  steal(expected: number | null): Promise<Granted | Busy> {
    this.attempt += 1;
    const { owner, name, attempt } = this;
    return this.#peer.extras.steal({ ...this.#terms, owner, name, attempt, alive: 0, ticket: 0 }, expected);
  }

  /** Resolves when the store says that somebody asks for what it holds. */
  request(): Promise<true> {
    return until('the message that the lock is asked for', () => this.#peer.requested.has(this.owner) || undefined);
  }

  withdraw(): Promise<void> {
    return this.#peer.store.withdraw({ name: this.name, owner: this.owner });
  }

  /** What `inspect` tells of the owner's hold; undefined: it has none. */
  async hold(): Promise<StoreHolder | undefined> {
    const { holders } = await this.#peer.store.inspect(this.name);
    return holders.find(({ owner }) => owner === this.owner);
  }

  /** How many stand before it in the queue; undefined: it does not stand there. */
  async place(): Promise<number | undefined> {
    const { waiting } = await this.#peer.store.inspect(this.name);
    const place = waiting.findIndex(({ owner }) => owner === this.owner);
    return place < 0 ? undefined : place;
  }
}
