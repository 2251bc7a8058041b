import type { LockLogger } from '../../core/logger.js';

/** Says once that a holder of another program cannot be asked for anything. */
export class ForeignHolders {
  readonly #logger: LockLogger | undefined;
  #warned = false;

  constructor(logger: LockLogger | undefined) {
    this.#logger = logger;
  }

  /** The release of a lock was requested that one of them has. */
  requested(name: string): void {
    if (this.#warned) return;
    this.#warned = true;
    this.#logger?.warn(
      `The release of "${name}" was requested, and its holder is another program, which cannot be asked: it did not take the ` +
        'lock through this package. Wait for it to end, or use forceRelease(). Said once, for all such locks.',
    );
  }
}
