import type { CancelTimer } from '../core/timer.js';
import type { Operation } from './lock-script.js';

/** What travels in one script call: operations of one tick, and one promise of the replies to all of them. */
export class Batch {
  readonly keys: string[] = [];
  readonly operations: Operation[] = [];
  readonly replies: Promise<readonly string[]>;
  /** Settles the promise; does nothing the second time. */
  answer!: (replies: readonly string[]) => void;
  fail!: (error: unknown) => void;
  /** Set while it waits: to be sent, then for the answer. */
  cancelTimeout: CancelTimer | undefined;
  /** How many replicas should have what it writes, and how many were known to have it when it was answered. */
  readonly replicas: number;
  copies = 0;
  /** Its number, where it releases something. */
  call: number | undefined;

  constructor(replicas: number) {
    this.replicas = replicas;
    this.replies = new Promise((resolve, reject) => {
      this.answer = resolve;
      this.fail = reject;
    });
  }

  /** Returns the place of its reply. */
  add(key: string, operation: Operation): number {
    this.keys.push(key);
    return this.operations.push(operation) - 1;
  }
}
