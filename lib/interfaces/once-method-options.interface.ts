import type { OnceOptions } from '../core/once.js';
import type { CallSignal, LockedOptions } from './locked-options.interface.js';

/** The options of `@Once`. */
export interface OnceMethodOptions<S extends CallSignal = CallSignal>
  extends Omit<OnceOptions, 'signal'>,
    Pick<LockedOptions<S>, 'onBusy' | 'service' | 'signal'> {}
