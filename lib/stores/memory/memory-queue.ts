import type { Claim, Owner, StoreWaiter } from '../../core/lock-store.js';

interface Waiter {
  readonly owner: Owner;
  readonly ticket: number;
  claim: Claim;
  aliveUntil: number;
}

/** Those who wait for one name, in the order of their tickets. */
export class MemoryQueue {
  readonly #waiters: Waiter[] = [];
  readonly #byOwner = new Map<Owner, Waiter>();

  get length(): number {
    return this.#waiters.length;
  }

  get head(): Owner | undefined {
    return this.#waiters[0]?.owner;
  }

  has(owner: Owner): boolean {
    return this.#byOwner.has(owner);
  }

  /** Whether one more may enter: the dead do not count. */
  hasRoom({ maxWaiting = Number.POSITIVE_INFINITY }: Claim, now: number): boolean {
    if (this.length < maxWaiting) return true;
    for (const { owner, aliveUntil } of [...this.#waiters]) if (aliveUntil <= now) this.leave(owner);
    return this.length < maxWaiting;
  }

  /** A new place, or the one that it has or had. */
  enter(claim: Claim, now: number): void {
    const { owner } = claim;
    const place = this.#byOwner.get(owner);
    const aliveUntil = now + claim.alive;
    const last = this.#waiters.at(-1)?.ticket ?? 0;
    const ticket = claim.ticket || place?.ticket || Math.max(Math.floor(now * 1_000), last + 1);
    if (place?.ticket === ticket) {
      Object.assign(place, { claim, aliveUntil });
      return;
    }
    this.leave(owner);
    const waiter = { owner, ticket, claim, aliveUntil };
    this.#byOwner.set(owner, waiter);
    this.#waiters.splice(this.#after(ticket), 0, waiter);
  }

  leave(owner: Owner): void {
    const waiter = this.#byOwner.get(owner);
    if (!waiter) return;
    this.#byOwner.delete(owner);
    this.#waiters.splice(this.#indexOf(waiter), 1);
  }

  /** The first who is alive; those before are dropped. */
  firstAlive(now: number): Claim | undefined {
    for (let first = this.#waiters[0]; first; first = this.#waiters[0]) {
      if (first.aliveUntil > now) return first.claim;
      this.leave(first.owner);
    }
    return undefined;
  }

  placeOf(owner: Owner): { ticket: number; rank: number } {
    const waiter = this.#byOwner.get(owner);
    return { ticket: waiter?.ticket ?? 0, rank: waiter ? this.#indexOf(waiter) : 0 };
  }

  state(now: number): StoreWaiter[] {
    const alive = this.#waiters.filter(({ aliveUntil }) => aliveUntil > now);
    return alive.map(({ owner, ticket, claim }) => {
      const mode = claim.permits === 0 ? ('exclusive' as const) : ('shared' as const);
      return { owner, mode, waited: Math.max(0, now - ticket / 1_000), callers: claim.callers ?? 1 };
    });
  }

  #indexOf(waiter: Waiter): number {
    return this.#waiters.lastIndexOf(waiter, this.#after(waiter.ticket) - 1);
  }

  /** How many have this ticket, or an earlier one. */
  #after(ticket: number): number {
    let [low, high] = [0, this.#waiters.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#waiters[middle] as Waiter).ticket <= ticket) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
