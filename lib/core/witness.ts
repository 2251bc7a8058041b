import type { LockLostWhy } from './errors.js';
import type { ResolvedLockOptions } from './options.js';

/** Is told what becomes of one acquisition. Nothing that it does or throws reaches the lock. */
export interface Witness {
  /** The lock is busy, and the caller waits for it. */
  waiting(): void;
  granted(fencingToken: number): void;
  /** The wait has ended without the lock. */
  failed(error: unknown): void;
  /** The caller has given it back; it had been its own until then. */
  released(): void;
  lost(why: LockLostWhy): void;
  /** Runs the body under the lock. */
  run<T>(body: () => T): T;
}

/** What features have to say about a lock. */
export interface FeatureEvents {
  /** Work was left out. */
  readonly skipped: { readonly why: 'busy' | 'done' | 'closed' };
  readonly marked: { readonly fencingToken: number };
  readonly elected: { readonly fencingToken: number };
  readonly deposed: { readonly fencingToken: number; readonly held: number; readonly why: string };
}

/** Where witnesses come from; a service that nobody observes has none. */
export interface Witnesses {
  /** In the async context of the caller. */
  tell<K extends keyof FeatureEvents>(
    what: K,
    name: string,
    options: ResolvedLockOptions,
    event: FeatureEvents[K],
  ): void;
  /** For an acquisition that is about to begin, in the async context of the caller. */
  begin(name: string, options: ResolvedLockOptions): Witness;
}
