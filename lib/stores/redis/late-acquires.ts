import type { Owned, Owner } from '../../core/lock-store.js';
import { after, type CancelTimer } from '../../core/timer.js';

const AGAIN_MS = 1_000;
/** What a connection that broke had sent may be on its way for a while. */
const AFTER_A_BREAK_MS = [1_000, 5_000];

/**
 * Acquires that are on their way, of owners that have given up the lock by a way that may have overtaken them. What they
 * are granted then is withdrawn once nothing of them is on the way any more.
 */
export class LateAcquires {
  /** How many acquires of each owner are on their way. */
  readonly #onTheWay = new Map<Owner, number>();
  /** Those of the owners that have left. */
  readonly #left = new Map<Owner, Owned>();
  readonly #withdraw: (owned: Owned) => Promise<void>;
  readonly #timers = new Set<CancelTimer>();
  #isClosed = false;

  constructor(withdraw: (owned: Owned) => Promise<void>) {
    this.#withdraw = withdraw;
  }

  /** To be called when an acquire is sent; the returned function when nothing of it is on the way any more. */
  sent(owner: Owner): (wasAnswered: boolean) => void {
    this.#onTheWay.set(owner, (this.#onTheWay.get(owner) ?? 0) + 1);
    return (wasAnswered) => this.#gone(owner, wasAnswered);
  }

  /** The owner gives up the lock, by a way that may overtake what it has sent. */
  left({ name, owner }: Owned): void {
    if (this.#onTheWay.size > 0 && this.#onTheWay.has(owner)) this.#left.set(owner, { name, owner });
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
  }

  #gone(owner: Owner, wasAnswered: boolean): void {
    const rest = (this.#onTheWay.get(owner) ?? 0) - 1;
    if (rest > 0) this.#onTheWay.set(owner, rest);
    else this.#onTheWay.delete(owner);
    const owned = this.#left.get(owner);
    if (!owned) return;
    if (rest <= 0) this.#left.delete(owner);
    this.#repeat(owned);
    if (!wasAnswered) for (const ms of AFTER_A_BREAK_MS) this.#in(ms, () => this.#repeat(owned));
  }

  /** Until it is answered. */
  #repeat(owned: Owned): void {
    if (this.#isClosed) return;
    this.#withdraw(owned).catch(() => this.#in(AGAIN_MS, () => this.#repeat(owned)));
  }

  #in(ms: number, fn: () => void): void {
    if (this.#isClosed) return;
    const cancel = after(ms, () => {
      this.#timers.delete(cancel);
      fn();
    });
    this.#timers.add(cancel);
  }
}
