/** Why a lock is no longer held; see {@link LockLostError}. */
export type LockLostWhy = 'expired' | 'taken' | 'forced' | 'unavailable' | 'released';

/**
 * The root of all errors of this package. Recognise them by `code` where several copies of the package may be loaded,
 * by `instanceof` elsewhere.
 */
export abstract class LockError extends Error {
  /** Stable, machine-readable kind of the error. */
  abstract readonly code: string;

  /** The name of the lock in question; of several names all, joined by `, `; undefined where no lock is concerned. */
  readonly lockName: string | undefined;

  /** The name of the class, also in minified code. */
  abstract override readonly name: string;

  protected constructor(message: string, lockName?: string, options?: { cause?: unknown }) {
    super(message, options);
    this.lockName = lockName;
  }
}

const BUSY_REMEDY = 'Wait longer (option `wait`), try again later, or use tryRun() where a busy lock is no error.';
export const OWN_CHAIN_REMEDY =
  'Share the lock with the outer call (option `reentrant: true` on the inner one), lock at the outermost place only, or ' +
  'do not await the inner call inside the outer one.';

const DEADLOCK_REMEDY =
  'Let all call chains take these locks in the same order, or in one call (an array of names), which does that by itself.';

/** Somebody else holds the lock, and the time to wait is over. The body did not run. */
export class LockBusyError extends LockError {
  override readonly name = 'LockBusyError';
  readonly code = 'LOCK_BUSY';

  constructor(
    lockName: string,
    /** How long this caller waited, in ms. */
    readonly waited: number,
    /** The instance labels of those who held it when the store was last asked. */
    readonly holders: readonly string[],
    /**
     * How long to wait before another attempt makes sense, in ms: what is left of the holder's lease. Null: the holder is
     * another program, whose lock has no end.
     */
    readonly retryAfter: number | null,
    /** It did not wait, since as many did as may (option `maxWaiting`). */
    readonly crowded = false,
    /** The call chain that asked holds the lock itself, and waited for itself. */
    readonly ownChain = false,
    /**
     * Call chains waited for each other in a circle: each of these locks is held by one that waits for the next; the last
     * one by the caller itself. Undefined: no such circle was found.
     */
    readonly deadlock?: readonly string[] | undefined,
  ) {
    const by = ownChain
      ? 'held by the very call chain that asks for it'
      : holders.length > 0
        ? `held by ${holders.join(', ')}`
        : 'not free (kept after a release by `holdAtLeast`, or another caller is next)';
    const circle = deadlock && `in a circle of waits (${[...deadlock, lockName].join(' → ')}). ${DEADLOCK_REMEDY}`;
    const remedy = crowded
      ? 'and as many wait for it as may. Try again later, or let more of them wait (option `maxWaiting`).'
      : `waited ${Math.round(waited)} ms${circle ? ` ${circle}` : `. ${ownChain ? OWN_CHAIN_REMEDY : BUSY_REMEDY}`}`;
    super(`The lock "${lockName}" is busy: ${by}, ${remedy}`, lockName);
  }
}

const LOST: Record<LockLostWhy, string> = {
  expired: 'its lease ended before it was renewed, or was not to be renewed any more (`maxHold`, `renew: false`)',
  taken: 'the store no longer has it under our name: the key was deleted, overwritten or expired there',
  forced: 'it was released by force',
  unavailable: 'the store could not be reached until the lease ended',
  released: 'it has been released: by its holder, by a shutdown that waits no longer, or by a resignation',
};

/** The lock was ours and is not any more; somebody else may hold it by now. */
export class LockLostError extends LockError {
  override readonly name = 'LockLostError';
  readonly code = 'LOCK_LOST';

  constructor(
    lockName: string,
    /** What became of the lock. */
    readonly why: LockLostWhy,
    /** What the body of `run` or of the decorated method returned, when it ended well all the same. */
    readonly result?: unknown,
    options?: { cause?: unknown },
  ) {
    super(
      `The lock "${lockName}" was lost: ${LOST[why]}. ` +
        'Stop the work when `signal` aborts, and let the resource refuse older fencing tokens.',
      lockName,
      options,
    );
  }
}

interface UnavailableOptions {
  cause?: unknown;
  uncertain?: boolean;
  refused?: boolean;
}

/** The store did not answer, or refused. Whether somebody holds the lock is unknown. The body did not run. */
export class LockUnavailableError extends LockError {
  override readonly name = 'LockUnavailableError';
  readonly code = 'LOCK_UNAVAILABLE';

  /** What the store did or did not do. */
  readonly problem: string;
  /** True: the store may have carried the request out. False: it certainly did not. */
  readonly uncertain: boolean;
  /** True: the store has answered, and refuses: to ask again soon makes no difference. */
  readonly refused: boolean;

  constructor(lockName: string | undefined, problem: string, options: UnavailableOptions = {}) {
    super(
      `The lock store is unavailable: ${problem}. Nothing is known about the lock; check the store, then try again.`,
      lockName,
      options,
    );
    this.problem = problem;
    this.uncertain = options.uncertain ?? true;
    this.refused = options.refused ?? false;
  }

  /** A fresh error for `lockName` from whatever a store rejected with. */
  static from(error: unknown, lockName: string | undefined): LockUnavailableError {
    if (!(error instanceof LockUnavailableError))
      return new LockUnavailableError(lockName, 'it failed', { cause: error });
    const { problem, cause, uncertain, refused } = error;
    return new LockUnavailableError(lockName, problem, { cause, uncertain, refused });
  }
}

/** A fresh error for `lockName` from whatever a store rejected with. What is wrong in the options stays just that. */
export function storeError(error: unknown, lockName: string | undefined): LockUnavailableError | LockOptionsError {
  if (error instanceof LockOptionsError) return new LockOptionsError(error.message, { cause: error.cause });
  return LockUnavailableError.from(error, lockName);
}

/** A lock's name, or the template or function that makes it, cannot be used. */
export class LockKeyError extends LockError {
  override readonly name = 'LockKeyError';
  readonly code = 'LOCK_KEY';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, undefined, options);
  }
}

/** An option is wrong, or the package is used in a way that cannot work. */
export class LockOptionsError extends LockError {
  override readonly name = 'LockOptionsError';
  readonly code = 'LOCK_OPTIONS';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, undefined, options);
  }
}

/** The service is shutting down, or has: it hands out no more locks. */
export class LockClosedError extends LockError {
  override readonly name = 'LockClosedError';
  readonly code = 'LOCK_CLOSED';

  constructor(lockName?: string) {
    super(
      'The lock service is closed: no lock is handed out during and after shutdown. Take locks before the application stops.',
      lockName,
    );
  }
}

/** A shared holder asked for the exclusive lock of the same name: waiting for itself, it would never get it. */
export class LockUpgradeError extends LockError {
  override readonly name = 'LockUpgradeError';
  readonly code = 'LOCK_UPGRADE';

  constructor(lockName: string) {
    super(
      `The lock "${lockName}" is held as shared by this call chain, which now asks for it as exclusive and would wait ` +
        'for itself. Ask for the exclusive lock at the outermost place.',
      lockName,
    );
  }
}
