import { DEFAULT_LOCK_OPTIONS, type LockOptions, resolveLockOptions } from '../../core/options.js';
import type { KeylessDecorator, LockedDecorator, LockedKey } from './locked-decorator.js';
import type { CallSignal, LockedOptions, SkippingLockedOptions } from './locked-options.js';
import { type Method, wrapMethod } from './method-wrapper.js';
import { skipWhenClosed } from './skip-when-closed.js';

/**
 * Runs the method under a lock, which is taken before the call and released after it.
 *
 * `key` is a template: `'order:<orderId>'`, `'account:<to.id>'` (own properties, and getters of its class), `'order:<0>'`
 * (by position); or an array of templates; or a function of the arguments. Values are escaped, so that different values make
 * different names; what does not identify anything (undefined, null, NaN, an empty string, a plain object, an object that
 * prints its content) is refused with `LockKeyError`. Placeholders in the spelling of other libraries (`{id}`, `${id}`,
 * `:id`) and the bare name of a parameter are refused when the class is defined: a function says literally what it returns.
 *
 * The names of the parameters are read from the source of the method, as it runs: with default values, patterns, comments
 * and rest parameters. Where that cannot be done with certainty (a slash behind `}`, `await`, `yield`, `of` or a prefixed
 * `++` in a default value; another decorator's wrapper; a minifier), a name is refused when the class is defined: positions,
 * `@LockParam` and functions work there too.
 *
 * Works in either order with other decorators, on providers and controllers of every scope; it has to stand above one that
 * opens a transaction, so that the lock goes around the commit. A method that returns a stream is refused: it is read when
 * the lock is released. A module that forgets `LockModule` fails at boot; an object that Nest did not build fails at the call.
 * @throws LockKeyError, LockOptionsError when the class is defined, for what can be known then.
 */
export function Locked<K extends LockedKey | undefined, S extends CallSignal>(
  key: K,
  options: SkippingLockedOptions<S>,
): LockedDecorator<K, true, S>;
export function Locked<K extends LockedKey | undefined, S extends CallSignal>(
  key: K,
  options?: LockedOptions<S> & { onBusy?: 'throw' | undefined },
): LockedDecorator<K, false, S>;
/** @deprecated A key is required: this compiles on no method. */
export function Locked(): KeylessDecorator;
// biome-ignore lint/suspicious/noExplicitAny: the overloads say which methods compile.
export function Locked(key?: LockedKey, options: LockedOptions = {}): any {
  const { onBusy = 'throw', service, ...lockOptions } = options;
  return (target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<Method>): void =>
    wrapMethod<LockOptions>(target, method, descriptor, {
      decorator: '@Locked',
      key,
      onBusy,
      service,
      options: lockOptions,
      check: (given, at) => {
        // `permits` alone is right where the module's defaults say `shared`, which only the call can know.
        const mode = given.mode ?? (given.permits === undefined ? undefined : 'shared');
        resolveLockOptions(DEFAULT_LOCK_OPTIONS, { ...given, mode }, at);
      },
      call: (locks, name, given, body) => {
        if (onBusy === 'throw') return locks.run(name, given, body);
        const attempt = async (watched: () => unknown): Promise<unknown> => {
          const result = await locks.tryRun(name, given, watched);
          return result.acquired ? result.value : undefined;
        };
        return skipWhenClosed(body, attempt, () => locks.skipped(name, given, 'closed'));
      },
    });
}
