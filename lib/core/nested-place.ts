import { onAbort } from './abort.js';
import { after } from './timer.js';

interface Entrant {
  /** Settles its wait: true when the place is its own, false when the frame has ended. */
  readonly settle: (isOwn: boolean) => void;
}

/**
 * The one place beside the body of a frame for a nested call that shares a hold with it: those who share a hold run one
 * at a time, in the order in which they came.
 */
export class NestedPlace {
  #taken = false;
  #closed = false;
  #onEmpty: (() => void) | undefined;
  readonly #waiting = new Set<Entrant>();

  get taken(): boolean {
    return this.#taken;
  }

  /** True: it was free, and is the caller's, who leaves it later. */
  take(): boolean {
    if (this.#closed || this.#taken) return false;
    this.#taken = true;
    return true;
  }

  /**
   * True: the place is the caller's, who leaves it later. False: the body of the frame has ended, and takes nobody in.
   * Rejects with `busy()` when `wait` ms are over before, and with the reason of `signal`.
   */
  enter(wait: number, signal: AbortSignal | undefined, busy: () => Error): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    if (this.take()) return Promise.resolve(true);
    if (wait <= 0) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(entrant);
        cancelWait?.();
        cancelAbort?.();
      };
      const fail = (error: unknown): void => {
        leave();
        reject(error);
      };
      const entrant: Entrant = {
        settle: (isOwn) => {
          leave();
          resolve(isOwn);
        },
      };
      this.#waiting.add(entrant);
      const cancelWait =
        wait === Number.POSITIVE_INFINITY ? undefined : after(wait, () => fail(busy()), { awaited: true });
      const cancelAbort = signal && onAbort(signal, () => fail(signal.reason));
    });
  }

  /** Whoever has it gives it to the next. */
  leave(): void {
    const [next] = this.#waiting;
    this.#taken = next !== undefined;
    if (next) next.settle(true);
    else this.#onEmpty?.();
  }

  /** Calls `listener` when whoever is in the place leaves it. Of one that is closed, so that nobody comes after. */
  whenEmpty(listener: () => void): void {
    this.#onEmpty = listener;
  }

  /** The body of the frame has ended. Whoever is in the place goes on, and nobody enters it any more. */
  close(): void {
    this.#closed = true;
    for (const entrant of [...this.#waiting]) entrant.settle(false);
  }
}
