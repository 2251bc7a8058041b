import type { LockOptions } from '../core/options.js';

/** The options of `@Locked`. */
export interface LockedOptions extends LockOptions {
  /**
   * When somebody else has the lock: `'throw'` a `LockBusyError` once `wait` is over (default), or `'skip'` the call and
   * resolve to undefined. With `'skip'`, `wait` is 0 by default: who comes second does not come at all.
   */
  onBusy?: 'throw' | 'skip' | undefined;
  /** The registration to use: the `name` that `LockModule.forRoot` was given. Default: the one without a name. */
  service?: string | undefined;
}

/** The options of `@Locked` on a method whose promise may be undefined or void. */
export interface SkippingLockedOptions extends LockedOptions {
  onBusy: 'skip';
}
