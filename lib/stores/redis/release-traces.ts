import { randomBytes } from 'node:crypto';
import type { Owner, ReleaseAnswer } from '../../core/lock-store.js';
import { runtime } from '../../core/runtime.js';

/** For how long a trace can be relied on, in ms; Redis keeps it for longer. */
const LIFE_MS = 60_000;
/** How often the traces are given their whole time to live, in ms. */
const PROLONG_MS = 30_000;
/** A release that has been sent more often than this does not name the earliest times any more. */
const MOST_CALLS = 16;

const NONE: readonly number[] = [];

interface Sent {
  readonly since: number;
  readonly calls: number[];
}

/**
 * What tells whether a release whose answer was lost has been carried out. Each script call that releases something has a
 * number, under which Redis notes whose holds it has ended. A call that arrives twice finds its own note; a release that
 * is sent again names the calls in which it went before.
 */
export class ReleaseTraces {
  /** Drawn by the process that runs: one that is a copy of another has traces of its own. */
  #id: string | undefined;
  /** The releases that have been sent without an answer. */
  readonly #unanswered = new Map<Owner, Sent>();
  /** Has three digits at least, which are its place. */
  #lastCall = 999;
  #isOfOneLock: boolean | undefined;
  /** When calls began to keep their notes under other keys, which are not looked at any more. */
  #movedAt = Number.NEGATIVE_INFINITY;
  #prolongedAt = Number.NEGATIVE_INFINITY;

  nextCall(): number {
    this.#lastCall += 1;
    return this.#lastCall;
  }

  /** The key of the traces. `base`: what it begins with: the namespace, or the key of the one lock of the call. */
  key(base: string): string {
    this.#id ??= randomBytes(12).toString('base64url');
    return `${base}:released:${this.#id}`;
  }

  /** The number as it travels. `isOfOneLock`: the key is; few calls write it. */
  argument(call: number, isOfOneLock: boolean): string {
    if (this.#isOfOneLock !== undefined && this.#isOfOneLock !== isOfOneLock) this.#move();
    this.#isOfOneLock = isOfOneLock;
    return isOfOneLock || runtime.monotonic() - this.#prolongedAt > PROLONG_MS ? `+${call}` : String(call);
  }

  #move(): void {
    this.#movedAt = runtime.monotonic();
    this.#prolongedAt = Number.NEGATIVE_INFINITY;
  }

  /** The numbers of the calls in which the release has been sent before. */
  earlier(owner: Owner): readonly number[] {
    return this.#sent(owner)?.calls.slice(-MOST_CALLS) ?? NONE;
  }

  /** The release was sent in this call, and there is no answer. */
  unanswered(owner: Owner, call: number, since: number): void {
    for (const [other, sent] of this.#unanswered) {
      if (runtime.monotonic() - sent.since < LIFE_MS) break;
      if (other !== owner) this.#unanswered.delete(other);
    }
    const sent = this.#unanswered.get(owner) ?? { since, calls: [] };
    sent.calls.push(call);
    this.#unanswered.set(owner, sent);
  }

  /** What the reply to a release says, which was sent at `since` for the last time. */
  read(owner: Owner, reply: string, since: number): ReleaseAnswer {
    const sent = this.#sent(owner);
    if (sent) this.#unanswered.delete(owner);
    if (since - this.#prolongedAt > PROLONG_MS) this.#prolongedAt = since;
    if (reply === '1') return true;
    const { since: first, calls } = sent ?? { since, calls: NONE };
    const isForgotten = runtime.monotonic() - first > LIFE_MS || calls.length > MOST_CALLS || first < this.#movedAt;
    if (reply === 'u' || (reply === '0' && isForgotten)) return 'unknown';
    if (reply === '0') return false;
    throw new Error('it answered something else');
  }

  /** As good as ever there is none, and an owner is a long key. */
  #sent(owner: Owner): Sent | undefined {
    return this.#unanswered.size === 0 ? undefined : this.#unanswered.get(owner);
  }
}
