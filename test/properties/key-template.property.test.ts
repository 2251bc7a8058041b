import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../lib/features/keys/key-template.js';
import { LockKeyError } from '../../lib/index.js';
import { keyOf } from '../../lib/stores/redis/keys.js';
import {
  anyText,
  calls,
  METHOD,
  nearby,
  plainText,
  SEPARATORS,
  separating,
  value,
} from '../support/key-arbitraries.js';

const RUNS = { numRuns: 2_000 };
const SUFFIXES = ['', ':shared', ':queue', ':waiter', ':epoch'];

/** What Redis Cluster hashes of a key. */
function hashTag(key: string): string {
  const open = key.indexOf('{');
  const close = key.indexOf('}', open + 1);
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key;
}

const keysOf = (name: string): string[] => SUFFIXES.map((suffix) => keyOf('ns', name) + suffix);

describe('the names that a template makes', () => {
  it('differ for different values', () => {
    fc.assert(
      fc.property(calls, ({ compiled: { resolve }, a, b }) => {
        expect(resolve(a) === resolve(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      RUNS,
    );
  });

  it('differ when a value takes over what stands beside it', () => {
    const swallowing = fc.record({ text: separating, first: value, second: value, third: value });
    fc.assert(
      fc.property(swallowing, ({ text, first, second, third }) => {
        const resolve = compileTemplate(`<0>${text}<1>`, { method: METHOD, parameters: ['', ''] });
        const [left, right] = [resolve([first + text + second, third]), resolve([first, second + text + third])];
        expect(left).not.toBe(right);
      }),
      RUNS,
    );
  });

  it('are the same for the same values, whenever and by whichever copy of the template they are made', () => {
    fc.assert(
      fc.property(calls, ({ compiled: { template, resolve }, a, b }) => {
        const name = resolve(a);
        resolve(b);
        const parameters = a.map((_, index) => `p${index}`);
        expect(resolve([...a])).toBe(name);
        expect(compileTemplate(template, { method: 'Other.method', parameters })(a)).toBe(name);
      }),
      RUNS,
    );
  });

  it('cannot be made with nothing between two values that would keep them apart', () => {
    fc.assert(
      fc.property(anyText, plainText, anyText, (before, between, after) => {
        const compile = () =>
          compileTemplate(`${before}<0>${between}<1>${after}`, { method: METHOD, parameters: ['', ''] });
        expect(compile).toThrow(LockKeyError);
      }),
      RUNS,
    );
  });

  it('keep what is no value as it is', () => {
    fc.assert(
      fc.property(anyText, value, anyText, (before, id, after) => {
        const name = compileTemplate(`${before}<id>${after}`, { method: METHOD, parameters: ['id'] })([id]);
        expect(name.startsWith(before) && name.endsWith(after)).toBe(true);
        expect(name.length).toBeGreaterThan(before.length + after.length);
      }),
      RUNS,
    );
  });

  it('hold no character of a value that the template uses as a separator', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SEPARATORS), value, value, (separator, a, b) => {
        const name = compileTemplate(`<0>${separator}<1>`, { method: METHOD, parameters: ['', ''] })([a, b]);
        expect(name.split(separator)).toHaveLength(2);
      }),
      RUNS,
    );
  });

  it('read a path as they read a value', () => {
    fc.assert(
      fc.property(value, (id) => {
        const context = { method: METHOD, parameters: ['order'] };
        const name = compileTemplate('order:<order.customer.id>', context)([{ customer: { id } }]);
        expect(name).toBe(compileTemplate('order:<order>', context)([id]));
      }),
      RUNS,
    );
  });
});

describe('the Redis keys of the names', () => {
  const name = fc
    .oneof(
      nearby,
      value,
      calls.map(({ compiled, a }) => compiled.resolve(a)),
    )
    .filter((text) => text !== '');

  it('of one lock are in one slot, which its name alone decides', () => {
    fc.assert(
      fc.property(name, (each) => {
        const tags = new Set(keysOf(each).map(hashTag));
        expect([...tags]).toEqual([keyOf('ns', each).slice('ns:{'.length, -1)]);
        expect(tags).toEqual(new Set([hashTag(keyOf('another:namespace', each))]));
      }),
      RUNS,
    );
  });

  it('of different locks have nothing in common', () => {
    const names = fc.oneof(
      fc.tuple(name, name),
      fc
        .tuple(name, fc.constantFrom(...SUFFIXES, '}:queue', '%7B', '%'))
        .map(([each, suffix]) => [each, each + suffix]),
      name.map((each) => [each, encodeURIComponent(each)]),
    );
    fc.assert(
      fc.property(names, ([a = '', b = '']) => {
        fc.pre(a !== b);
        expect(keysOf(a).filter((key) => keysOf(b).includes(key))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('hold no brace but the two of the hash tag, and no control character', () => {
    fc.assert(
      fc.property(name, (each) => {
        const key = keyOf('ns', each);
        expect(key.replace(/[^{}]/g, '')).toBe('{}');
        expect(key).not.toMatch(/\p{Cc}/u);
      }),
      RUNS,
    );
  });
});

describe('values that identify nothing', () => {
  const nothing = fc.oneof(
    fc.constantFrom(
      undefined,
      null,
      '',
      Number.NaN,
      Symbol('s'),
      Symbol.iterator,
      new Date(Number.NaN),
      '\ud800',
      'a\udc00',
    ),
    fc.constantFrom(() => 1, class {}, new Map(), new Set(), Promise.resolve(), new (class {})(), Object.create(null)),
    fc.object(),
    fc.array(fc.anything()),
    fc.uint8Array(),
    fc.constantFrom({ toString: () => '' }, { toString: () => 1 }, { toString: () => '[object Object]' }),
  );

  it('are refused, with the method and the parameter', () => {
    fc.assert(
      fc.property(nothing, fc.nat(2), fc.boolean(), (bad, index, byPath) => {
        const parameters = ['orderId', 'line', 'note'];
        const path = byPath ? '.of.it' : '';
        const template = parameters.map((name, at) => `<${name}${at === index ? path : ''}>`).join(':');
        const resolve = compileTemplate(template, { method: METHOD, parameters });
        const args: unknown[] = ['1', '2', '3'];
        args[index] = byPath ? { of: { it: bad } } : bad;
        const error = thrownBy(() => resolve(args));
        expect(error).toBeInstanceOf(LockKeyError);
        expect((error as LockKeyError).message).toContain(METHOD);
        expect((error as LockKeyError).message).toContain(`parameter ${parameters[index]}`);
      }),
      RUNS,
    );
  });

  it('are refused where a path leads nowhere, or only to what is inherited', () => {
    const inherited = fc.constantFrom('constructor', 'toString', '__proto__', 'length', 'hasOwnProperty');
    const bases = fc.oneof(
      value,
      fc.constantFrom(1, true, null, undefined, {}, new Date(), () => 1, new Map()),
    );
    fc.assert(
      fc.property(bases, inherited, (base, property) => {
        const context = { method: METHOD, parameters: ['order'] };
        const error = thrownBy(() => compileTemplate(`<order.${property}>`, context)([base]));
        expect(error).toBeInstanceOf(LockKeyError);
        expect((error as LockKeyError).message).toContain('parameter order');
      }),
      RUNS,
    );
  });
});

function thrownBy(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}
