import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolveNames } from '../../lib/core/names.js';
import { compileTemplate } from '../../lib/features/keys/key-template.js';
import { LockKeyError } from '../../lib/index.js';
import { channelPrefix, furtherKeysOf, keyOf } from '../../lib/stores/redis/keys.js';
import { METHOD, nearby, separating, value } from '../support/key-arbitraries.js';

const RUNS = { numRuns: 1_000 };
const MAX_NAME_BYTES = 512;
/** What an error may say of a value, however big that is. */
const MAX_MESSAGE = 16_000;

class Id {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/** What an object must print to be taken for an id. */
const isId = (text: string): boolean => /^[^\s\p{Cc}\p{Surrogate}{}'"`]{1,32}$/u.test(text);

/** A value of any kind that identifies something, and the text that it stands for. */
const identifying = fc.oneof(
  value.map((text): [unknown, string] => [text, text]),
  fc.oneof(fc.integer(), fc.double({ noNaN: true })).map((number): [unknown, string] => [number, String(number)]),
  fc.bigInt().map((number): [unknown, string] => [number, String(number)]),
  fc.boolean().map((flag): [unknown, string] => [flag, String(flag)]),
  fc.date({ noInvalidDate: true }).map((date): [unknown, string] => [date, date.toISOString()]),
  value.filter(isId).map((text): [unknown, string] => [new Id(text), text]),
  // What is the text of another kind of value.
  fc.constantFrom<[unknown, string]>(
    ['1', '1'],
    [1, '1'],
    [1n, '1'],
    [true, 'true'],
    ['true', 'true'],
    ['0', '0'],
    [-0, '0'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(1), '1970-01-01T00:00:00.001Z'],
    ['1970-01-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z'],
  ),
);

/** Arguments for `count` placeholders; the texts decide what is the same. */
const argumentsOf = (count: number) => fc.array(identifying, { minLength: count, maxLength: count });
const valuesOf = (args: readonly [unknown, string][]): unknown[] => args.map(([each]) => each);
const textsOf = (args: readonly [unknown, string][]): string => JSON.stringify(args.map(([, text]) => text));

const isWhole = (text: string): boolean => !/\p{Surrogate}/u.test(text);
const name = fc.oneof(nearby, value).filter(isWhole);
const namespace = fc
  .string({ unit: fc.constantFrom(...'ab:%#~*."\\'), minLength: 1, maxLength: 6 })
  .filter((text) => /^[^{}\s\p{C}]+$/u.test(text));
const keysOf = (space: string, each: string): string[] => [keyOf(space, each), ...furtherKeysOf(keyOf(space, each))];

describe('no argument produces the name of another call', () => {
  it('whatever kinds its values have: the names are the same exactly when the texts are', () => {
    const cases = fc.integer({ min: 2, max: 4 }).chain((count) =>
      fc.record({
        texts: fc.array(separating, { minLength: count - 1, maxLength: count - 1 }),
        a: argumentsOf(count),
        b: argumentsOf(count),
        taken: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
      }),
    );
    const property = fc.property(cases, ({ texts, a, b, taken }) => {
      const template = a.map((_, index) => `<${index}>${texts[index] ?? ''}`).join('');
      const resolve = compileTemplate(template, { method: METHOD, parameters: a.map(() => '') });
      // Calls that differ in some places only are the ones that may collide.
      const near = b.map((each, index) => (taken[index] ? a[index]! : each));
      expect(resolve(valuesOf(a)) === resolve(valuesOf(near))).toBe(textsOf(a) === textsOf(near));
    });
    fc.assert(property, RUNS);
  });

  it('nor where a value of one kind imitates a separator and values of other kinds beside it', () => {
    const cases = fc.tuple(separating, identifying, identifying, identifying);
    const property = fc.property(cases, ([text, [a, aText], [, bText], [c, cText]]) => {
      const resolve = compileTemplate(`<0>${text}<1>`, { method: METHOD, parameters: ['', ''] });
      const taking = aText + text + bText;
      const left = resolve([isId(taking) ? new Id(taking) : taking, c]);
      expect(left).not.toBe(resolve([a, bText + text + cText]));
    });
    fc.assert(property, RUNS);
  });

  it('nor does an array of templates produce the names of another call', () => {
    const property = fc.property(argumentsOf(2), argumentsOf(2), (a, b) => {
      const templates = ['from:<0>', 'to:<1>', '<0>/<1>'].map((template) =>
        compileTemplate(template, { method: METHOD, parameters: ['', ''] }),
      );
      const namesOf = (args: readonly [unknown, string][]): readonly string[] | undefined => {
        try {
          return resolveNames(templates.map((resolve) => resolve(valuesOf(args))));
        } catch (error) {
          expect(error).toBeInstanceOf(LockKeyError);
          return undefined;
        }
      };
      const [one, other] = [namesOf(a), namesOf(b)];
      fc.pre(one !== undefined && other !== undefined);
      expect(JSON.stringify(one) === JSON.stringify(other)).toBe(textsOf(a) === textsOf(b));
    });
    fc.assert(property, RUNS);
  });

  it('several names are the same locks in whatever order, and each of them counts once', () => {
    const names = fc.array(name, { minLength: 1, maxLength: 6 });
    const property = fc.property(names, names, (a, b) => {
      expect(resolveNames([...[...a].reverse(), ...a])).toEqual(resolveNames(a));
      const same = JSON.stringify([...new Set(a)].sort()) === JSON.stringify([...new Set(b)].sort());
      expect(JSON.stringify(resolveNames(a)) === JSON.stringify(resolveNames(b))).toBe(same);
    });
    fc.assert(property, RUNS);
  });
});

describe('no name leaves its place in Redis', () => {
  it('its keys belong to its namespace and to no other, and no channel has such a name', () => {
    const spaces = fc.oneof(
      fc.tuple(namespace, namespace),
      // One that ends as the keys of the other begin.
      fc.tuple(namespace, namespace).map(([a, b]) => [a, `${a}:${b}`] as [string, string]),
    );
    const property = fc.property(spaces, name, name, ([a, b], one, other) => {
      for (const key of keysOf(a, one)) {
        expect(key.startsWith(`${a}:{`)).toBe(true);
        expect(key.startsWith(channelPrefix(a)) && !a.includes('{')).toBe(false);
      }
      const shared = keysOf(a, one).filter((key) => keysOf(b, other).includes(key));
      expect(shared.length > 0).toBe(a === b && one === other);
    });
    fc.assert(property, RUNS);
  });
});

describe('no argument makes anything grow without bound', () => {
  const long = fc.oneof(
    fc
      .integer({ min: 400, max: 600 })
      .chain((length) => fc.string({ unit: 'binary', minLength: length, maxLength: length })),
    fc
      .tuple(fc.constantFrom('x', '%', '\n', '{', 'ж', '€', '🔒'), fc.integer({ min: 100, max: 700 }))
      .map(([unit, times]) => unit.repeat(times)),
  );

  it('a name has at most 512 bytes, and its keys at most three times as many', () => {
    const property = fc.property(long.filter(isWhole), (text) => {
      const fits = Buffer.byteLength(text) <= MAX_NAME_BYTES;
      if (!fits) {
        expect(() => resolveNames(text)).toThrow(LockKeyError);
        expect(() => resolveNames(['a', text])).toThrow(LockKeyError);
        return;
      }
      expect(resolveNames(text)).toEqual([text]);
      const bound = 'ns:{}:shared'.length + 3 * MAX_NAME_BYTES;
      for (const key of keysOf('ns', text)) expect(Buffer.byteLength(key)).toBeLessThanOrEqual(bound);
    });
    fc.assert(property, RUNS);
  });

  const huge = 200_000;
  it.each([
    ['a text', 'x'.repeat(huge)],
    ['half of a surrogate pair behind a text', `${'x'.repeat(huge)}\ud800`],
    ['a number of many digits', 10n ** 20_000n],
    ['an array', Array.from({ length: huge }, (_, index) => index)],
    ['a buffer', Buffer.alloc(huge)],
    ['an id', new Id('x'.repeat(huge))],
    ['a map', new Map(Array.from({ length: huge }, (_, index) => [index, index]))],
  ])('%s that is huge is refused in few words', (_, given) => {
    const resolve = compileTemplate('n:<0>', { method: METHOD, parameters: ['given'] });
    for (const call of [() => resolveNames(resolve([given])), () => resolveNames(given as string)]) {
      expect(call).toThrow(LockKeyError);
      expect(messageOf(call).length).toBeLessThan(MAX_MESSAGE);
    }
  });

  it('a plain object that is huge is refused in few words, and with none of what is in it', () => {
    const given = {
      password: 'hunter2',
      ...Object.fromEntries(Array.from({ length: huge }, (_, i) => [`key${i}`, i])),
    };
    const resolve = compileTemplate('n:<0>', { method: METHOD, parameters: ['given'] });
    for (const call of [() => resolve([given]), () => resolveNames(given as never)]) {
      expect(call).toThrow(LockKeyError);
      expect(messageOf(call)).not.toContain('hunter2');
      expect(messageOf(call).length).toBeLessThan(MAX_MESSAGE);
    }
  });
});

function messageOf(call: () => unknown): string {
  try {
    call();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}
