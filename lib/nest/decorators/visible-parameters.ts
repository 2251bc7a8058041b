import 'reflect-metadata';
import { withLockParams } from './lock-param.decorator.js';
import { parameterNames } from './parameter-names.js';

const HIDDEN = '...';

/**
 * The parameters of a method as templates name them. Those of a wrapper, by which another decorator has replaced the
 * method, are not taken for its own where the compiler has left a note of how many these are.
 */
export function visibleParameters(
  target: object,
  method: string | symbol,
  original: (...args: never[]) => unknown,
): string[] {
  const names = parameterNames(original);
  const types: unknown = Reflect.getOwnMetadata('design:paramtypes', target, method);
  const count = Array.isArray(types) ? types.length : undefined;
  const isHidden = names === undefined || (count === undefined ? names.length === 0 : names.length !== count);
  return withLockParams(target, method, isHidden ? [HIDDEN] : names);
}
