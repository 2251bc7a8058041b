// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are sources of functions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Locked, LockKeyError } from '../../lib/index.js';
import { parameterNames } from '../../lib/nest/decorators/parameter-names.js';
import { anything, crookedLists, functionWith, parameterLists } from '../support/parameter-lists.js';

const compiled = (list: string) => {
  const fn = functionWith(list);
  if (fn === undefined) throw new Error(`The list does not compile: ${list}`);
  return fn;
};

/** Undefined: a pattern computes a key from what is not there. */
function bindingsOf(fn: ReturnType<typeof compiled>, args: unknown[]): ((name: string) => unknown) | undefined {
  try {
    return fn(...args);
  } catch {
    return undefined;
  }
}

/** What is wrong with the names: each must be bound to the argument in its place. */
function misreadIn(list: string): string | undefined {
  const fn = compiled(list);
  const names = parameterNames(fn);
  if (names === undefined) return undefined;
  const args = Array.from({ length: 12 }, anything);
  const bound = bindingsOf(fn, args);
  if (bound === undefined) return undefined;
  for (const [index, name] of names.entries()) {
    if (name === '' || name.startsWith('...')) continue;
    if (bound(name) !== args[index]) return `${name} is not argument ${index} of (${list})`;
  }
  return undefined;
}

describe('The list of a method’s parameters', () => {
  it('is read right, with whatever default values, patterns and comments', () => {
    const property = fc.property(parameterLists, ({ source, names }) => {
      expect(parameterNames(compiled(source))).toEqual(names);
      expect(misreadIn(source)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 1_500 });
  });

  it('is never read wrongly, however odd it is', () => {
    let seen = 0;
    const property = fc.property(crookedLists, (list) => {
      fc.pre(functionWith(list) !== undefined);
      seen += 1;
      expect(misreadIn(list)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 500, maxSkipsPerRun: 200 });
    expect(seen).toBeGreaterThanOrEqual(500);
  });

  it.each([
    ['n = 1, half = n++ / 2, price = n / 1, id', ['n', 'half', 'price', 'id']],
    ['n = 0xE+/[,"]/.lastIndex, id', ['n', 'id']],
    ['n = 1e+5 /2, id', ['n', 'id']],
    ['n = 1, half = n-- / 2, price = n / 1, id', ['n', 'half', 'price', 'id']],
    ['a = x.return / 2, b = 1 / 1, c', ['a', 'b', 'c']],
    ['a = x?.in / 2, b = 1 / 1, c', ['a', 'b', 'c']],
    ['a = typeof /,/, b = /,/', ['a', 'b']],
    ['a = (() => { if (1) /[,/]/.test(""); return 4 / 2 })(), b = 4 / 2', ['a', 'b']],
    ['a = [1].with(0, 1) / 2, b = 1 / 2, c', ['a', 'b', 'c']],
    ['a = () => /,/, b = 1 / 1, c', ['a', 'b', 'c']],
    ['a = `${1 / 2}, ${`,`}` / 2, b = 1 / 1, c', ['a', 'b', 'c']],
    ['a = /[[a-z]--[\\/]]/v, b', ['a', 'b']],
    ['a // x\r, b', ['a', 'b']],
    ['a // x\u2028, b', ['a', 'b']],
    ['a, a, b', ['', 'a', 'b']],
    ['\\u0061, b', ['', 'b']],
  ])('is read right: (%s)', (list, names) => {
    expect(parameterNames(compiled(list))).toEqual(names);
  });

  it.each([
    'a = {} / 2, b = 1 / 1, c',
    'a = function () {} / 2, b = 1 / 1, c',
    'a = () => { {} /,/.test("") }, b',
    'a = ++/,/.lastIndex, b',
    'a = function* () { yield /,/ }, b = 1 / 1',
    'a = async () => { await /,/ }, b = 1 / 1',
    'a = () => { for (const x of /,/) ; }, b = 1 / 1',
    'a = 1 <!--2, b\n',
  ])('is not read where only a whole parser could: (%s)', (list) => {
    expect(parameterNames(compiled(list))).toBeUndefined();
  });

  it('that is not read makes a name in a template throw, and leaves the remedies that the message names', () => {
    const define = (key: string | (() => string)) => () => {
      const descriptor = { value: compiled('a = {} / 2, id') as unknown as (a?: number, id?: string) => Promise<void> };
      Locked(key)(class Orders {}.prototype, 'pay', descriptor);
    };
    expect(define('order:<id>')).toThrow(LockKeyError);
    expect(define('order:<id>')).toThrow(/Orders\.pay .*@LockParam\('id'\).*<0>.*function/);
    expect(define('order:<1>')).not.toThrow();
    expect(define(() => 'order:1')).not.toThrow();
  });
});
