import { DEFAULT_LOCK_OPTIONS } from '../../core/options.js';
import { type OnceOptions, type OnceResult, resolveOnceOptions } from '../../features/once.js';
import type { LockedDecorator, LockedKey } from './locked-decorator.js';
import type { CallSignal } from './locked-options.js';
import { type Method, wrapMethod } from './method-wrapper.js';
import type { OnceMethodOptions } from './once-method-options.js';
import { skipWhenClosed } from './skip-when-closed.js';

/** A template, or a function of the method's own arguments; of one name, since one mark is set. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are those of the user's method.
export type OnceKey = string | ((...args: any[]) => string);

/**
 * Runs the method once for each name, under a lock: when it ends well, the name is marked as done for `remember`, in the
 * step that releases the lock, and later calls resolve to undefined without running it; so it compiles on methods whose
 * promise may be undefined or void. A call that throws leaves no mark. `LockService.forget` removes one.
 *
 * `key` is as that of `@Locked`. While somebody else runs it, a call waits for the outcome (`wait`), and then fails with
 * `LockBusyError`; with `onBusy: 'skip'` it resolves to undefined at once.
 * @throws LockKeyError, LockOptionsError when the class is defined, for what can be known then.
 */
export function Once<K extends OnceKey | undefined, S extends CallSignal>(
  key: K,
  options: OnceMethodOptions<S>,
): LockedDecorator<K, true, S>;
// biome-ignore lint/suspicious/noExplicitAny: the signature above says which methods compile.
export function Once(key: LockedKey | undefined, options: OnceMethodOptions): any {
  const { onBusy = 'throw', service, ...onceOptions } = options ?? {};
  return (target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<Method>): void =>
    wrapMethod<OnceOptions>(target, method, descriptor, {
      decorator: '@Once',
      key,
      onBusy,
      service,
      options: onceOptions,
      check: (given, at) => void resolveOnceOptions(DEFAULT_LOCK_OPTIONS, given, at),
      call: async (locks, name, given, body) => {
        if (onBusy === 'throw') return valueIn(await locks.runOnce(name as string, given, body));
        const attempt = async (watched: () => unknown): Promise<unknown> =>
          valueIn(await locks.once(name as string, given, watched));
        const { remember: _, ...lock } = given;
        return skipWhenClosed(body, attempt, () => locks.skipped(name, lock, 'closed'));
      },
    });
}

function valueIn<T>(result: OnceResult<T>): T | undefined {
  return result.status === 'ran' ? result.value : undefined;
}
