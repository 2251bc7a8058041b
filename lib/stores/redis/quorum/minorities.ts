import type { Owner } from '../../../core/lock-store.js';
import { runtime } from '../../../core/runtime.js';

const KEEP_MS = 20;
const BACK_OFF_MS = 40;

/**
 * Claims that have some votes, but too few. They keep them for a moment, since the rest is often on its way, and then
 * give them back for a random while, so that somebody else becomes complete: as in Redlock.
 */
export class Minorities {
  /** Until when each keeps its votes. */
  readonly #until = new Map<Owner, number>();

  /** Whether the owner keeps what it has for now. `took`: how long the last attempt was under way, in ms. */
  mayKeep(owner: Owner, took: number): boolean {
    const now = runtime.monotonic();
    const until = this.#until.get(owner) ?? now + 2 * took + KEEP_MS * (1 + Math.random());
    this.#until.set(owner, until);
    return now < until;
  }

  /** For how long to leave the votes to the others, in ms. */
  backOff(owner: Owner): number {
    this.forget(owner);
    return BACK_OFF_MS * Math.random();
  }

  forget(owner: Owner): void {
    this.#until.delete(owner);
  }
}
