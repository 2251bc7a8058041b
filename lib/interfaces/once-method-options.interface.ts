import type { OnceOptions } from '../core/once.js';
import type { LockedOptions } from './locked-options.interface.js';

/** The options of `@Once`. */
export interface OnceMethodOptions extends OnceOptions, Pick<LockedOptions, 'onBusy' | 'service'> {}
