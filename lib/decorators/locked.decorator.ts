import { DEFAULT_LOCK_OPTIONS, resolveLockOptions } from '../core/options.js';
import type { LockedOptions, SkippingLockedOptions } from '../interfaces/locked-options.interface.js';
import { guardMethod, type LockedDecorator, type LockedKey, type Method } from './guard.js';

/**
 * Runs the method under a lock, which is taken before the call and released after it.
 *
 * `key` is a template: `'order:<orderId>'`, `'account:<to.id>'` (own properties), `'order:<0>'` (by position); or an
 * array of templates; or a function of the arguments. Without one: `ClassName.methodName`, one lock for all calls.
 * Values are escaped, so that different values make different names; what does not identify anything (undefined, null,
 * NaN, an empty text, a plain object) is refused with `LockKeyError`.
 *
 * Works in either order with other decorators, on providers and controllers of every scope. A module that forgets
 * `LockModule` fails at boot; an object that Nest did not build fails at the call.
 * @throws LockKeyError, LockOptionsError when the class is defined, for what can be known then.
 */
export function Locked<K extends LockedKey = string>(
  key: K | undefined,
  options: SkippingLockedOptions,
): LockedDecorator<K, true>;
export function Locked<K extends LockedKey = string>(
  key?: K,
  options?: LockedOptions & { onBusy?: 'throw' | undefined },
): LockedDecorator<K, false>;
// biome-ignore lint/suspicious/noExplicitAny: the overloads say which methods compile.
export function Locked(key?: LockedKey, options: LockedOptions = {}): any {
  const { onBusy = 'throw', service, ...lockOptions } = options;
  const given = Object.keys(lockOptions).length > 0 ? lockOptions : undefined;
  return (target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<Method>): void =>
    guardMethod(target, method, descriptor, {
      decorator: '@Locked',
      key,
      onBusy,
      service,
      check: (at) => {
        // `permits` alone is right where the module's defaults say `shared`, which only the call can know.
        const mode = lockOptions.mode ?? (lockOptions.permits === undefined ? undefined : 'shared');
        resolveLockOptions(DEFAULT_LOCK_OPTIONS, { ...lockOptions, mode }, at);
      },
      call: (locks, name, body) => {
        if (onBusy === 'throw') return locks.run(name, given, body);
        return locks.tryRun(name, given, body).then((result) => (result.acquired ? result.value : undefined));
      },
    });
}
