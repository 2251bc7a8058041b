import type { Claim, Owner, StoreWaiter } from '../../core/lock-store.js';

interface Waiter {
  readonly owner: Owner;
  ticket: number;
  claim: Claim;
  aliveUntil: number;
}

/** Those who wait for one name, in the order of their tickets. */
export class MemoryQueue {
  #waiters: Waiter[] = [];

  get length(): number {
    return this.#waiters.length;
  }

  get head(): Owner | undefined {
    return this.#waiters[0]?.owner;
  }

  has(owner: Owner): boolean {
    return this.#waiters.some((waiter) => waiter.owner === owner);
  }

  /** Whether one more may enter: the dead do not count. */
  hasRoom({ maxWaiting = Number.POSITIVE_INFINITY }: Claim, now: number): boolean {
    if (this.length < maxWaiting) return true;
    this.#waiters = this.#alive(now);
    return this.length < maxWaiting;
  }

  /** A new place, or the one that it has or had. */
  enter(claim: Claim, now: number): void {
    const place = this.#waiters.find(({ owner }) => owner === claim.owner);
    const aliveUntil = now + claim.alive;
    const last = this.#waiters.at(-1)?.ticket ?? 0;
    const ticket = claim.ticket || place?.ticket || Math.max(Math.floor(now * 1_000), last + 1);
    if (place) Object.assign(place, { claim, aliveUntil, ticket });
    else this.#waiters.push({ owner: claim.owner, ticket, claim, aliveUntil });
    this.#waiters.sort((a, b) => a.ticket - b.ticket);
  }

  leave(owner: Owner): void {
    if (this.head === owner) this.#waiters.shift();
    else this.#waiters = this.#waiters.filter((waiter) => waiter.owner !== owner);
  }

  /** The first who is alive; those before are dropped. */
  firstAlive(now: number): Claim | undefined {
    while (this.#waiters[0] && this.#waiters[0].aliveUntil <= now) this.#waiters.shift();
    return this.#waiters[0]?.claim;
  }

  placeOf(owner: Owner): { ticket: number; rank: number } {
    const rank = this.#waiters.findIndex((waiter) => waiter.owner === owner);
    return { ticket: this.#waiters[rank]?.ticket ?? 0, rank: Math.max(0, rank) };
  }

  state(now: number): StoreWaiter[] {
    return this.#alive(now).map(({ owner, ticket, claim }) => {
      const mode = claim.permits === 0 ? ('exclusive' as const) : ('shared' as const);
      return { owner, mode, waited: Math.max(0, now - ticket / 1_000), callers: claim.callers ?? 1 };
    });
  }

  #alive(now: number): Waiter[] {
    return this.#waiters.filter(({ aliveUntil }) => aliveUntil > now);
  }
}
