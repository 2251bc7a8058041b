import type { Acquisition } from '../../core/acquisition.js';
import { LockBusyError, LockUnavailableError } from '../../core/errors.js';
import { type HeldLock, JointLock } from '../../core/lock.js';

/** Asks the store for a permit. */
export type AskForPermit = (wait: number, signal: AbortSignal | undefined) => Promise<HeldLock>;

/** A run that has no permit yet. */
interface Asker {
  readonly served: AbortController;
  lock: HeldLock | undefined;
}

/** The one permit of a server: all its runs share it, and the last of them gives it back. */
export class ServerPermit {
  readonly #ask: AskForPermit;
  readonly #askers = new Set<Asker>();
  #permit: Acquisition | undefined;
  #attempt: Promise<void> | undefined;

  constructor(ask: AskForPermit) {
    this.#ask = ask;
  }

  /** A handle of its own for each run. Rejects as the locker does. */
  async enter(wait: number): Promise<HeldLock> {
    if (this.#permit?.isAlive) return this.#share(this.#permit);
    const asker: Asker = { served: new AbortController(), lock: undefined };
    this.#askers.add(asker);
    try {
      await (wait === 0 ? this.#attemptOnce() : this.#obtain(wait, asker.served.signal));
    } catch (error) {
      if (!asker.lock) throw anew(error);
    } finally {
      this.#askers.delete(asker);
    }
    // What was granted to another had been lost before it could be shared.
    return asker.lock ?? this.enter(wait);
  }

  /** One attempt for all who try at the same time: of one server, none is in the way of another. */
  #attemptOnce(): Promise<void> {
    this.#attempt ??= this.#obtain(0, undefined).finally(() => {
      this.#attempt = undefined;
    });
    return this.#attempt;
  }

  /** Whoever gets the permit has it for all who ask. */
  async #obtain(wait: number, signal: AbortSignal | undefined): Promise<void> {
    const lock = await this.#ask(wait, signal);
    const [first, ...others] = this.#askers;
    if (!first || this.#permit?.isAlive) {
      // Another grant was quicker, and this one came before it could be called off.
      await lock[Symbol.asyncDispose]();
      return;
    }
    this.#permit = lock.parts[0] as Acquisition;
    first.lock = lock;
    for (const asker of others) asker.lock = this.#share(this.#permit);
    this.#askers.clear();
    for (const { served } of [first, ...others]) served.abort();
  }

  #share(permit: Acquisition): HeldLock {
    permit.share();
    return new JointLock([permit], 'shared');
  }
}

/** Each caller has an error of its own, also where they shared the attempt. */
function anew(error: unknown): unknown {
  if (error instanceof LockUnavailableError) return LockUnavailableError.from(error, error.lockName);
  if (!(error instanceof LockBusyError)) return error;
  return new LockBusyError(error.lockName as string, error.waited, error.holders, error.retryAfter, error.crowded);
}
