import type { LockOptionsError, LockUnavailableError } from './errors.js';
import type { Granted, Owner } from './lock-store.js';

/** What is asked of the store. */
export interface Wish {
  readonly name: string;
  /** How many may hold at once; `0` is exclusive. */
  readonly permits: number;
  readonly ttl: number;
  /** Whether to stand in the queue when it is busy. */
  readonly queue: boolean;
  readonly replicas: number;
  readonly maxWaiting: number;
  /** Takes it from whoever has it, provided that this is the last token still; undefined: does not. */
  readonly stealsAfter?: number | null | undefined;
}

/** What becomes of a wish. All but `busy` are final, and so is `busy` for a wish that does not queue. */
export interface WishListener {
  /** How many tokens to ask for, now. */
  block(): number;
  /** How many callers it stands for, now. */
  callers(): number;
  /** The lease counts from `since`. */
  granted(grant: Granted, owner: Owner, since: number): void;
  busy(): void;
  /** The queue is full. */
  turnedAway(): void;
  failed(error: LockUnavailableError | LockOptionsError): void;
}
