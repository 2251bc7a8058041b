import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Instance } from '../core/instance.js';
import type { LockStore, LockStoreExtras, Owner, PushedGrant } from '../core/lock-store.js';
import { UNBOUNDED } from '../core/options.js';
import { Claimant, type Terms } from './claimant.js';
import { until } from './until.js';

/** Nobody counts the holders. */
const ANY_NUMBER = UNBOUNDED;
/** How long a message may take before the connection for messages is thought not to be up yet. */
const MESSAGE_MS = 20;

/** One process at the store: it listens for messages, and has as many owners as it likes. */
export class Peer {
  readonly granted = new Map<Owner, PushedGrant>();
  readonly revoked = new Set<Owner>();
  readonly nudged = new Set<Owner>();
  readonly requested = new Set<Owner>();
  /** What it answers when it is asked. */
  answer: ((question: string) => string) | undefined;
  readonly #instance = new Instance('suite');
  readonly #unsubscribe: () => void;
  #lastSeq = 0;

  private constructor(readonly store: LockStore) {
    this.#unsubscribe = store.subscribe(this.#instance.id, {
      granted: (owner, grant) => void this.granted.set(owner, grant),
      revoked: (owner) => void this.revoked.add(owner),
      nudged: (owner) => void this.nudged.add(owner),
      releaseRequested: (owner) => void this.requested.add(owner),
      reconnected: () => {},
      asked: (question) => this.answer?.(question),
    });
  }

  /** Resolves when messages arrive. `peers`: whom the caller lets leave, whatever happens. */
  static async join(store: LockStore, peers: Peer[]): Promise<Peer> {
    const peer = new Peer(store);
    peers.push(peer);
    await until('a pushed grant', async () => ((await peer.#hearsItself()) ? true : undefined));
    return peer;
  }

  get instance(): string {
    return this.#instance.id;
  }

  /** What the store is said to have beside the lock. */
  get extras(): LockStoreExtras {
    return this.store as LockStore & LockStoreExtras;
  }

  exclusive(name: string, terms: Partial<Terms> = {}): Claimant {
    return new Claimant(this, this.#nextOwner(), name, { ...terms, permits: 0 });
  }

  shared(name: string, terms: Partial<Terms> = {}): Claimant {
    return new Claimant(this, this.#nextOwner(), name, { permits: ANY_NUMBER, ...terms });
  }

  /** An owner of a process that hears nothing: it has died, or never listened. */
  exclusiveOfTheDead(name: string, terms: Partial<Terms> = {}): Claimant {
    return new Claimant(this, new Instance('dead').owner(1), name, { ...terms, permits: 0 });
  }

  #nextOwner(): Owner {
    this.#lastSeq += 1;
    return this.#instance.owner(this.#lastSeq);
  }

  /** Hears no more messages. */
  unsubscribe(): void {
    this.#unsubscribe();
  }

  async leave(): Promise<void> {
    this.#unsubscribe();
    await this.store.close?.();
  }

  async #hearsItself(): Promise<boolean> {
    const name = randomUUID();
    const holder = this.exclusive(name);
    const waiter = this.exclusive(name);
    await holder.take();
    await waiter.queue();
    await holder.release();
    const heard = (): boolean => this.granted.has(waiter.owner) || this.nudged.has(waiter.owner);
    for (let waited = 0; waited < MESSAGE_MS && !heard(); waited += 1) await sleep(1);
    await waiter.withdraw();
    return heard();
  }
}
