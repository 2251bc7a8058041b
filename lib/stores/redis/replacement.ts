import { after, type CancelTimer } from '../../core/timer.js';
import type { Connection } from './connection.js';

const SHORTEST_MS = 200;
const LONGEST_MS = 10_000;

/** Puts a fresh duplicate in the place of one that does not work; later each time, as long as that does not help. */
export class Replacement {
  /** How many were needed since it last worked. */
  times = 0;
  readonly #connection: Connection;
  readonly #onRenewed: (() => void) | undefined;
  #cancel: CancelTimer | undefined;

  constructor(connection: Connection, onRenewed?: () => void) {
    this.#connection = connection;
    this.#onRenewed = onRenewed;
  }

  /** The connection is ended at once. */
  begin(): void {
    if (this.#cancel) return;
    this.#connection.drop();
    this.#cancel = after(Math.min(SHORTEST_MS * 2 ** this.times, LONGEST_MS), () => {
      this.#cancel = undefined;
      this.#connection.renew();
      this.#onRenewed?.();
    });
    this.times += 1;
  }

  works(): void {
    this.times = 0;
  }

  stop(): void {
    this.#cancel?.();
  }
}
