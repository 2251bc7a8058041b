import type { LockOptions } from '../../core/options.js';

/** A signal for all calls, or a function of the method's own arguments. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are those of the user's method.
export type CallSignal = AbortSignal | ((...args: any[]) => AbortSignal | undefined);

/** The options of `@Locked`. */
export interface LockedOptions<S extends CallSignal = CallSignal> extends Omit<LockOptions, 'signal'> {
  /**
   * When somebody else has the lock: `'throw'` a `LockBusyError` once `wait` is over (default), or `'skip'` the call and
   * resolve to undefined. With `'skip'`, `wait` is 0 by default: who comes second does not come at all. A call that comes
   * when the application shuts down is skipped, too.
   */
  onBusy?: 'throw' | 'skip' | undefined;
  /**
   * Aborts the wait, which then rejects with the signal's reason; the method does not run. A function of the method's own
   * arguments gives each call its own signal, or none. A lock that is held already stays.
   */
  signal?: S | undefined;
  /** The registration to use: the `name` that `LockModule.forRoot` was given. Default: the one without a name. */
  service?: string | undefined;
}

/** The options of `@Locked` on a method whose promise may be undefined or void. */
export interface SkippingLockedOptions<S extends CallSignal = CallSignal> extends LockedOptions<S> {
  onBusy: 'skip';
}
