import { runtime } from '../../core/runtime.js';

/** It outlives by a day the end of each lease that it has numbered. */
const AFTER_MS = 86_400_000;
/** So often it is told to live on, by a call that goes to Redis anyway. */
const ROUND_MS = 1_800_000;
/** For a lease up to this long the script lets it live long enough by itself. */
const ORDINARY_MS = 1_000_000;

/** How long the key of the last token must live, in the calls of one client that make or renew leases. */
export class FenceLife {
  #toldAt = Number.NEGATIVE_INFINITY;
  #losses = -1;

  /** As the script takes it: empty where it was told not long ago. `isSeldom`: the key is one of many. */
  argument(lease: number, losses: number, isSeldom: boolean): string {
    if (lease === 0) return '';
    const isFresh = this.#losses === losses && runtime.monotonic() - this.#toldAt < ROUND_MS;
    if (isFresh && !isSeldom && lease <= ORDINARY_MS) return '';
    // A long lease may be renewed once before the next round.
    return String(AFTER_MS + 2 * ROUND_MS + 2 * Math.max(lease, ORDINARY_MS));
  }

  /** A call that has told it was answered; it was sent at `since`, after so many losses of the connection. */
  told(since: number, losses: number): void {
    this.#toldAt = since;
    this.#losses = losses;
  }
}
