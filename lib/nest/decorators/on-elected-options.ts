import type { LockOptions } from '../../core/options.js';

/** The options of `@OnElected`. */
export interface OnElectedOptions extends Pick<LockOptions, 'ttl' | 'replicas' | 'label'> {
  /** The registration to use: the `name` that `LockModule.forRoot` was given. Default: the one without a name. */
  service?: string | undefined;
}
