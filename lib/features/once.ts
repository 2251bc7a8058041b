import { type Duration, toMilliseconds } from '../core/duration.js';
import { LockLostError, LockOptionsError } from '../core/errors.js';
import type { LockedBody, Locker } from '../core/locker.js';
import { assertObject, type LockOptions, type ResolvedLockOptions, resolveLockOptions } from '../core/options.js';

/** How something is done once. The lock is exclusive. */
export interface OnceOptions extends Omit<LockOptions, 'mode' | 'permits'> {
  /**
   * For how long it stays known that it is done. No default: longer than the same work may come again, by redelivery, by
   * repair, by hand. After it, or after `forget`, the work is done anew.
   */
  remember: Duration;
}

/** What became of a `once`. */
export type OnceResult<T> =
  /** The body ran and ended well, and the mark is set; not, if the lock was lost with `onLost: 'ignore'`. */
  | { status: 'ran'; value: T }
  /** It had been done before. `at`: when, by the clock of the store. */
  | { status: 'done'; at: Date }
  /** Somebody is doing it. */
  | { status: 'busy' };

export interface ResolvedOnceOptions {
  readonly remember: number;
  readonly lock: ResolvedLockOptions;
}

/** `options` over `defaults`; throws `LockOptionsError` for what is wrong in `options`. */
export function resolveOnceOptions(
  defaults: ResolvedLockOptions,
  options: OnceOptions,
  at = 'the options of once()',
): ResolvedOnceOptions {
  assertObject(options, at);
  const { remember, ...rest } = options;
  if (remember === undefined) {
    throw new LockOptionsError(
      `There is no \`remember\` in ${at}: say for how long it stays known that the work is done, such as '24h'.`,
    );
  }
  const lock = resolveLockOptions({ ...defaults, mode: 'exclusive', permits: 0 }, rest, at);
  if (lock.mode === 'exclusive') return { remember: toMilliseconds(remember, 'remember', { min: 1 }), lock };
  throw new LockOptionsError(`The mode in ${at} is 'shared', and work that is done once has one holder: leave it out.`);
}

/**
 * Runs `body` under the lock unless the name is marked as done, and marks it in the step that releases the lock. Who has
 * lost the lock marks nothing, and nor does a body that throws.
 */
export async function runOnce<T>(
  locker: Locker,
  name: string,
  { remember, lock: options }: ResolvedOnceOptions,
  body: LockedBody<T>,
): Promise<Exclude<OnceResult<T>, { status: 'busy' }>> {
  const done = (at: Date): { status: 'done'; at: Date } => {
    locker.witnesses?.tell('skipped', name, options, { why: 'done' });
    return { status: 'done', at };
  };
  const before = await locker.calls.doneAt(name);
  if (before) return done(before);
  // Whether it was lost is said here, where it is known whether the mark was set.
  return locker.run([name], { ...options, onLost: 'ignore' }, async (lock) => {
    // Whoever had it before us may have done it.
    const at = await locker.calls.doneAt(name);
    if (at) return done(at);
    // The question took its time.
    if (!lock.held) throw lock.lost ?? new LockLostError(name, 'released');
    const value = await body(lock);
    const { fencingToken } = lock;
    const marked = await lock.complete(remember);
    if (marked) locker.witnesses?.tell('marked', name, options, { fencingToken });
    if (!marked && options.onLost === 'throw') throw new LockLostError(name, lock.lost?.why ?? 'released', value);
    return { status: 'ran', value };
  });
}
