import { LockOptionsError } from '../../core/errors.js';
import type { Lock } from '../../core/lock.js';
import { resolveNames } from '../../core/names.js';
import { DEFAULT_LOCK_OPTIONS } from '../../core/options.js';
import { type ElectionListener, resolveElectOptions } from '../../features/leader-election.js';
import { checkRegistrationName } from '../lock.constants.js';
import type { OnElectedOptions } from './on-elected-options.js';
import { injectService } from './service-injection.js';

/** A method that is called when its process is elected. */
export interface ElectedMethod {
  readonly site: string;
  readonly method: string | symbol;
  readonly name: string;
  readonly options: OnElectedOptions;
  /** Where Nest puts the service. */
  readonly property: symbol;
}

const METHODS = new WeakMap<object, ElectedMethod[]>();

/**
 * The application stands for election under `name` from its start to its shutdown, and calls the method when it leads:
 * until `lock.signal` aborts. Everything is injected then, but hooks `onApplicationBootstrap` may not have run yet. When the method throws, another process gets its turn. See `LockService.elect`.
 *
 * On providers and controllers of the default scope; on others, and without `LockModule`, the application does not boot.
 * @throws LockKeyError, LockOptionsError when the class is defined, for what can be known then.
 */
export function OnElected(
  name: string,
  options: OnElectedOptions = {},
): <M extends (lock: Lock) => unknown>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<M>,
) => void {
  return (target, method, descriptor) => {
    const site = `${target.constructor.name}.${String(method)}`;
    if (typeof target === 'function' || typeof descriptor?.value !== 'function') {
      throw new LockOptionsError(`@OnElected on ${site}, which is no method of an instance: put it on one.`);
    }
    resolveNames(name);
    const { service, ...terms } = options;
    checkRegistrationName(service, `the option \`service\` of @OnElected on ${site}`);
    const anybody: ElectionListener = { onElected: () => {} };
    resolveElectOptions(DEFAULT_LOCK_OPTIONS, { ...terms, ...anybody });
    // So that a missing module fails at boot.
    const property = injectService(target, service);
    METHODS.set(target, [...(METHODS.get(target) ?? []), { site, method, name, options, property }]);
  };
}

/** Those of a class and of all that it extends. */
export function electedMethods(prototype: object | null): ElectedMethod[] {
  if (prototype === null) return [];
  return [...electedMethods(Object.getPrototypeOf(prototype)), ...(METHODS.get(prototype) ?? [])];
}
