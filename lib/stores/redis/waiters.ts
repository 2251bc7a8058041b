import type { Owner } from '../../core/lock-store.js';
import { runtime } from '../../core/runtime.js';

/** The owners that stand in a queue of the store, and so wait for a message. */
export class Waiters {
  /** Until when the store keeps each of them, if it does not ask again. */
  readonly #keptUntil = new Map<Owner, number>();
  /** Those who were told to ask again. */
  readonly #told = new Set<Owner>();

  get size(): number {
    return this.#keptUntil.size;
  }

  /** It has asked just now, and is kept for `aliveFor` ms. */
  add(owner: Owner, aliveFor: number): void {
    this.#keptUntil.set(owner, runtime.monotonic() + aliveFor);
    this.#told.delete(owner);
  }

  /** It was told to ask again. */
  tell(owner: Owner): void {
    if (this.#keptUntil.has(owner)) this.#told.add(owner);
  }

  /** Whether no message has come for it since it asked last. */
  isUntold(owner: Owner): boolean {
    return this.#keptUntil.has(owner) && !this.#told.has(owner);
  }

  delete(owner: Owner): boolean {
    if (this.size === 0) return false;
    this.#told.delete(owner);
    return this.#keptUntil.delete(owner);
  }

  /** Forgets those whom the store has forgotten. */
  prune(): void {
    const now = runtime.monotonic();
    for (const [owner, until] of this.#keptUntil) if (until < now) this.delete(owner);
  }
}
