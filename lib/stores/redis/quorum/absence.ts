import { LockUnavailableError } from '../../../core/errors.js';
import { runtime } from '../../../core/runtime.js';
import { pause } from '../../../core/timer.js';

/** How often a call asks again whether the servers are back. */
const ASK_AGAIN_MS = 50;

/** That so many servers are away, or have no vote, that nothing can be decided: since when, and how long a call waits. */
export class Absence {
  readonly #patience: number;
  #since: number | undefined;

  /** `patience`: for how long a call waits for them, in ms. */
  constructor(patience: number) {
    this.#patience = patience;
  }

  /**
   * Asks until there is an answer; a `LockUnavailableError` is none. A call that begins when the servers have been away
   * for the whole `patience` asks once.
   */
  async outlast<T>(ask: () => Promise<T>, isWanted = (): boolean => true): Promise<T> {
    const since = runtime.monotonic();
    const isKnown = this.#lasted(since) >= this.#patience;
    for (;;) {
      const askedAt = runtime.monotonic();
      try {
        const answer = await ask();
        this.#since = undefined;
        return answer;
      } catch (error) {
        if (!(error instanceof LockUnavailableError)) throw error;
        this.#since ??= askedAt;
        const now = runtime.monotonic();
        if (isKnown) throw lasting(error, this.#lasted(now));
        if (now - since > this.#patience || !isWanted()) throw error;
      }
      await pause(ASK_AGAIN_MS);
    }
  }

  #lasted(now: number): number {
    return this.#since === undefined ? Number.NEGATIVE_INFINITY : now - this.#since;
  }
}

function lasting({ lockName, problem, cause, uncertain }: LockUnavailableError, ms: number): LockUnavailableError {
  return new LockUnavailableError(lockName, `${problem}; so it has been for ${Math.round(ms)} ms`, {
    cause,
    uncertain,
  });
}
