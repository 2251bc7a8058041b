import 'reflect-metadata';
import { LockOptionsError } from '../../core/errors.js';
import type { LockName } from '../../core/names.js';
import { type LockOptions, oneOf, PLACE, type Place } from '../../core/options.js';
import type { LockService } from '../../service/lock-service.js';
import { checkRegistrationName } from '../lock.constants.js';
import { optionsPerCall, type SignalPerCall, withoutCallSignal } from './call-signal.js';
import { compileKey } from './lock-key.js';
import type { LockedKey } from './locked-decorator.js';
import { injectService } from './service-injection.js';
import { refuseStream } from './stream.js';
import { visibleParameters } from './visible-parameters.js';

export type Method = (...args: unknown[]) => unknown;
/** What a wrapped method is called on. */
type Instance = Record<symbol, LockService | undefined> | undefined;

/** By wrapper: the method itself, whose parameters are to be seen. */
const ORIGINALS = new WeakMap<Method, Method>();

/** What a decorator does with the calls of the method that it wraps. */
export interface Wrapper<O extends LockOptions> {
  /** How the decorator is written. */
  readonly decorator: string;
  readonly key: LockedKey | undefined;
  readonly onBusy: unknown;
  /** The registration of the service. */
  readonly service: string | undefined;
  readonly options: SignalPerCall<O>;
  /** Throws for options that are wrong; `at` says where they stand. */
  check(options: O, at: string): void;
  call(service: LockService, name: LockName, options: O, body: () => Promise<unknown>): Promise<unknown>;
}

/** Replaces the method by one that runs it as the wrapper says. Metadata, name, length and own properties stay. */
export function wrapMethod<O extends LockOptions>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
  { decorator, key, onBusy, service: registration, options, check, call }: Wrapper<O>,
): void {
  const type = typeof target === 'function' ? target : target.constructor;
  const site = `${type.name || 'AnonymousClass'}.${String(method)}`;
  const original = methodOf(target, descriptor, decorator, site);
  oneOf('onBusy', onBusy as string, ['throw', 'skip']);
  checkRegistrationName(registration, `the option \`service\` of ${decorator} on ${site}`);
  const at = `${decorator} of ${site}`;
  check(withoutCallSignal(options), at);
  const parameters = visibleParameters(target, method, ORIGINALS.get(original) ?? original);
  const nameOf = compileKey(key, { method: site, parameters }, decorator);
  const optionsOf = optionsPerCall<O>(placed(options, { method: site, label: labelOf(key) }), at);
  const property = injectService(target, registration);

  const wrapped = new Proxy(original, {
    apply: (fn, self: Instance, args: unknown[]) => {
      try {
        const service = self?.[property];
        if (!service) throw notInjected(site, decorator);
        const body = async (): Promise<unknown> => refuseStream(await Reflect.apply(fn, self, args), site);
        return call(service, nameOf(args), optionsOf(args), body);
      } catch (error) {
        return Promise.reject(error);
      }
    },
  });
  ORIGINALS.set(wrapped, ORIGINALS.get(original) ?? original);
  for (const key of Reflect.getOwnMetadataKeys(original)) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, original), wrapped);
  }
  descriptor.value = wrapped;
}

/** The options as they say where they stand; they are resolved once, and so must not change. */
function placed<O extends LockOptions>(options: SignalPerCall<O>, place: Place): SignalPerCall<O> {
  const placed = { ...options, [PLACE]: place } as SignalPerCall<O>;
  Object.freeze(placed);
  return placed;
}

/** How metrics call the locks of a template, or of several; of a function nothing is known but its results. */
function labelOf(key: LockedKey | undefined): string | undefined {
  return typeof key === 'function' || key === undefined ? undefined : [key].flat().join(', ');
}

function methodOf(
  target: object,
  descriptor: TypedPropertyDescriptor<Method> | undefined,
  decorator: string,
  site: string,
): Method {
  const original = descriptor?.value;
  if (typeof original !== 'function') {
    throw new LockOptionsError(`${decorator} on ${site}, which is no method: put it on an async method.`);
  }
  if (typeof target === 'function') {
    throw new LockOptionsError(
      `${decorator} on the static method ${site}: Nest injects into instances only. Put it on a method of these.`,
    );
  }
  if (/Generator/.test(Object.prototype.toString.call(original))) {
    throw new LockOptionsError(
      `${decorator} on the generator ${site}, which runs when the lock is released: put it on an async method.`,
    );
  }
  return original;
}

function notInjected(site: string, decorator: string): LockOptionsError {
  return new LockOptionsError(
    `${site} is guarded by ${decorator}, but its object was not built by Nest, so that there is no lock service in it and the ` +
      'body did not run. Let Nest build it (list the class in `providers`), or call LockService yourself.',
  );
}
