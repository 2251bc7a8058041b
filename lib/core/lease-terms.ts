import type { LockLostWhy, LockUnavailableError } from './errors.js';
import type { Owner } from './lock-store.js';

export interface LeaseTerms {
  readonly name: string;
  readonly owner: Owner;
  /** How many may hold at once; `0` is exclusive. */
  readonly permits: number;
  readonly ttl: number;
  readonly renew: boolean;
  readonly maxHold: number;
  /** When `maxHold` is over, it is to be kept from the others still (`holdAtLeast`). */
  readonly isKeptLonger: boolean;
  /** How many replicas must have it. */
  readonly replicas: number;
  /** The first token of `block` that were set aside. */
  readonly token: number;
  readonly block: number;
  /** When the attempt that won was sent. The lease counts from here, since the store counts from later. */
  readonly since: number;
}

export interface LeaseUser {
  /** Until when nobody else gets the lock, by our clock (`holdAtLeast`). */
  readonly keptUntil: number;
  lost(why: LockLostWhy): void;
  /** Somebody asks for the lock. */
  releaseRequested(): void;
}

/** Whether the mark is set; else what has become of the lock. */
export type Completed = 'done' | LockLostWhy;

/** The store has not taken a release at once, which is tried again. */
export type OnDelay = (problem: LockUnavailableError) => void;
