import type { OnceOptions } from '../../features/once.js';
import type { CallSignal, LockedOptions } from './locked-options.js';

/** The options of `@Once`. */
export interface OnceMethodOptions<S extends CallSignal = CallSignal>
  extends Omit<OnceOptions, 'signal'>,
    Pick<LockedOptions<S>, 'onBusy' | 'service' | 'signal'> {}
