import 'reflect-metadata';
import { Inject } from '@nestjs/common';
import { LockKeyError, LockOptionsError } from '../core/errors.js';
import { compileTemplate, type TemplateContext } from '../core/key-template.js';
import type { LockName } from '../core/names.js';
import { DEFAULT_LOCK_OPTIONS, oneOf, resolveLockOptions } from '../core/options.js';
import type { LockedOptions, SkippingLockedOptions } from '../interfaces/locked-options.interface.js';
import { checkRegistrationName, getLockServiceToken } from '../lock.constants.js';
import type { LockService } from '../lock.service.js';
import { withLockParams } from './lock-param.decorator.js';
import { parameterNames } from './parameter-names.js';

// biome-ignore-start lint/suspicious/noExplicitAny: parameters and results are those of the user's method.
type AsyncMethod = (...args: any[]) => Promise<any>;

/** A template, an array of them (all are locked or none), or a function of the method's own arguments. */
export type LockedKey = string | readonly string[] | ((...args: any[]) => LockName);
// biome-ignore-end lint/suspicious/noExplicitAny: see above.

// biome-ignore lint/suspicious/noConfusingVoidType: methods that resolve to void are meant.
type MayBeUndefined<R> = undefined extends R ? true : void extends R ? true : false;

/** The descriptor of a method that may be guarded so, else `never`. */
type Guardable<M extends AsyncMethod, K extends LockedKey, Skips extends boolean> = K extends
  | string
  | readonly string[]
  | ((...args: Parameters<M>) => LockName)
  ? Skips extends true
    ? MayBeUndefined<Awaited<ReturnType<M>>> extends true
      ? TypedPropertyDescriptor<M>
      : never
    : TypedPropertyDescriptor<M>
  : never;

/** Compiles on methods that return a promise, of undefined or void too when busy calls are skipped. */
export type LockedDecorator<K extends LockedKey, Skips extends boolean> = <M extends AsyncMethod>(
  target: object,
  method: string | symbol,
  descriptor: Guardable<M, K, Skips>,
) => void;

type Method = (...args: unknown[]) => unknown;
/** What a guarded method is called on. */
type Guarded = Record<symbol, LockService | undefined> | undefined;

const ORIGINALS = new WeakMap<Method, Method>();

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
  return (target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<Method>): void => {
    const site = `${target.constructor.name}.${String(method)}`;
    const original = descriptor?.value;
    if (typeof original !== 'function') {
      throw new LockOptionsError(`@Locked on ${site}, which is no method: put it on an async method.`);
    }
    if (typeof target === 'function') {
      throw new LockOptionsError(`@Locked on the static method ${String(method)}: Nest injects into instances only.`);
    }
    const { onBusy = 'throw', service: registration, ...lockOptions } = options;
    oneOf('onBusy', onBusy, ['throw', 'skip']);
    checkRegistrationName(registration, `the option \`service\` of @Locked on ${site}`);
    // `permits` alone is right where the module's defaults say `shared`, which only the call can know.
    const mode = lockOptions.mode ?? (lockOptions.permits === undefined ? undefined : 'shared');
    resolveLockOptions(DEFAULT_LOCK_OPTIONS, { ...lockOptions, mode }, `@Locked of ${site}`);
    const nameOf = compileKey(key ?? site, {
      method: site,
      parameters: withLockParams(target, method, parameterNames(ORIGINALS.get(original) ?? original) ?? ['...']),
    });
    const property = injectService(target, registration);

    const given = Object.keys(lockOptions).length > 0 ? lockOptions : undefined;
    const call = (self: Guarded, args: unknown[], body: () => unknown): Promise<unknown> => {
      const service = self?.[property];
      if (!service) throw notInjected(site);
      const name = nameOf(args);
      if (onBusy === 'throw') return service.run(name, given, body);
      return service.tryRun(name, given, body).then((result) => (result.acquired ? result.value : undefined));
    };
    const guarded = new Proxy(original, {
      apply: (fn, self: Guarded, args: unknown[]) => {
        try {
          return call(self, args, () => Reflect.apply(fn, self, args));
        } catch (error) {
          return Promise.reject(error);
        }
      },
    });
    ORIGINALS.set(guarded, ORIGINALS.get(original) ?? original);
    for (const key of Reflect.getOwnMetadataKeys(original)) {
      Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, original), guarded);
    }
    descriptor.value = guarded;
  };
}

function compileKey(key: LockedKey, context: TemplateContext): (args: unknown[]) => LockName {
  if (typeof key === 'function') return (args) => key(...args);
  if (typeof key === 'string') return compileTemplate(key, context);
  if (!Array.isArray(key) || key.length === 0) {
    throw new LockKeyError(`The key of ${context.method} is no template, array of templates or function: give one.`);
  }
  const templates = key.map((template) => compileTemplate(template, context));
  return (args) => templates.map((nameOf) => nameOf(args));
}

/**
 * Has Nest inject the service into each instance, under a symbol: a missing module fails at boot, and the service is
 * that of the instance's own container.
 */
function injectService(target: object, registration: string | undefined): symbol {
  const property = Symbol.for(`nestjs-lock:injected:${registration ?? ''}`);
  if (!(property in target)) {
    Object.defineProperty(target, property, { value: undefined, writable: true, configurable: true });
    Inject(getLockServiceToken(registration))(target, property);
  }
  return property;
}

function notInjected(site: string): LockOptionsError {
  return new LockOptionsError(
    `${site} is guarded by @Locked, but its object was not built by Nest, so that there is no lock service in it and the ` +
      'body did not run. Let Nest build it (list the class in `providers`), or call LockService.run() yourself.',
  );
}
