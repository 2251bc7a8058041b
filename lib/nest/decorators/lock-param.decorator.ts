import { LockOptionsError } from '../../core/errors.js';

const NAMES = new WeakMap<object, Map<string | symbol, Map<number, string>>>();

/** Names a parameter for the template of `@Locked`, where a minifier or another decorator hides its own name. */
export function LockParam(name: string): ParameterDecorator {
  return (target, method, index) => {
    if (method === undefined)
      throw new LockOptionsError(
        '@LockParam is for parameters of methods, not of constructors: put it on one of these.',
      );
    const methods = NAMES.get(target) ?? new Map<string | symbol, Map<number, string>>();
    const names = methods.get(method) ?? new Map<number, string>();
    if ([...names.values()].includes(name)) {
      throw new LockOptionsError(
        `@LockParam('${name}') is on two parameters of ${target.constructor.name}.${String(method)}: give each its own name.`,
      );
    }
    NAMES.set(target, methods.set(method, names.set(index, name)));
  };
}

/** The parameter names as written, with those that `@LockParam` gave in their places. */
export function withLockParams(target: object, method: string | symbol, parameters: readonly string[]): string[] {
  const rest = parameters.at(-1)?.startsWith('...') ? parameters.slice(-1) : [];
  const given = NAMES.get(target)?.get(method) ?? new Map<number, string>();
  const taken = [...given.values()];
  const names = parameters.slice(0, parameters.length - rest.length).map((name) => (taken.includes(name) ? '' : name));
  for (const [index, name] of given) {
    while (names.length < index) names.push('');
    names[index] = name;
  }
  return [...names, ...rest];
}
