import 'reflect-metadata';
import { Inject } from '@nestjs/common';
import { LockKeyError, LockOptionsError } from '../core/errors.js';
import { compileTemplate, type TemplateContext } from '../core/key-template.js';
import type { LockName } from '../core/names.js';
import { oneOf } from '../core/options.js';
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

export type Method = (...args: unknown[]) => unknown;
/** What a guarded method is called on. */
type Guarded = Record<symbol, LockService | undefined> | undefined;

const ORIGINALS = new WeakMap<Method, Method>();

/** What a decorator does with the calls of the method that it guards. */
export interface Guard {
  /** How the decorator is written. */
  readonly decorator: string;
  readonly key: LockedKey | undefined;
  readonly onBusy: unknown;
  /** The registration of the service. */
  readonly service: string | undefined;
  /** Throws for options that are wrong; `at` says where they stand. */
  check(at: string): void;
  call(service: LockService, name: LockName, body: () => unknown): Promise<unknown>;
}

/** Replaces the method by one that runs it as the guard says. Metadata, name, length and own properties stay. */
export function guardMethod(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
  { decorator, key, onBusy, service: registration, check, call }: Guard,
): void {
  const site = `${target.constructor.name}.${String(method)}`;
  const original = descriptor?.value;
  if (typeof original !== 'function') {
    throw new LockOptionsError(`${decorator} on ${site}, which is no method: put it on an async method.`);
  }
  if (typeof target === 'function') {
    throw new LockOptionsError(
      `${decorator} on the static method ${String(method)}: Nest injects into instances only.`,
    );
  }
  oneOf('onBusy', onBusy as string, ['throw', 'skip']);
  checkRegistrationName(registration, `the option \`service\` of ${decorator} on ${site}`);
  check(`${decorator} of ${site}`);
  const nameOf = compileKey(key ?? site, {
    method: site,
    parameters: withLockParams(target, method, parameterNames(ORIGINALS.get(original) ?? original) ?? ['...']),
  });
  const property = injectService(target, registration);

  const guarded = new Proxy(original, {
    apply: (fn, self: Guarded, args: unknown[]) => {
      try {
        const service = self?.[property];
        if (!service) throw notInjected(site, decorator);
        return call(service, nameOf(args), () => Reflect.apply(fn, self, args));
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
export function injectService(target: object, registration: string | undefined): symbol {
  const property = Symbol.for(`nestjs-lock:injected:${registration ?? ''}`);
  if (!(property in target)) {
    Object.defineProperty(target, property, { value: undefined, writable: true, configurable: true });
    Inject(getLockServiceToken(registration))(target, property);
  }
  return property;
}

function notInjected(site: string, decorator: string): LockOptionsError {
  return new LockOptionsError(
    `${site} is guarded by ${decorator}, but its object was not built by Nest, so that there is no lock service in it and the ` +
      'body did not run. Let Nest build it (list the class in `providers`), or call LockService yourself.',
  );
}
