import fc from 'fast-check';
import { compileTemplate } from '../../lib/features/keys/key-template.js';

/** The method that the templates belong to. */
export const METHOD = 'Orders.pay';

/** Texts of a template: what may stand between two values has a separator in it. */
export const SEPARATORS = [...':/|,;-_.@ #{}"\'~!?*[]()\\\n\u0000\u0301🔒'];
export const plainText = fc.string({ unit: fc.constantFrom(...'abz09éß鍵%'), maxLength: 3 });
export const anyText = fc.string({ unit: fc.constantFrom(...'ab0%', ...SEPARATORS), maxLength: 4 });
export const separating = fc.tuple(anyText, fc.constantFrom(...SEPARATORS), anyText).map((parts) => parts.join(''));

/** Values that are near each other, and near what a template is made of; and any at all. */
export const nearby = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'ab0%<>', ...SEPARATORS),
    fc.constantFrom('%3A', '%25', '%', '\u0301', 'é', 'e\u0301'),
  ),
  minLength: 1,
  maxLength: 6,
});
export const value = fc.oneof(
  nearby,
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.string({ unit: 'grapheme', minLength: 1 }),
);

interface Compiled {
  readonly template: string;
  readonly resolve: (args: readonly unknown[]) => string;
}

/** A template of `count` values, with texts before, between and after them. */
function templates(count: number): fc.Arbitrary<Compiled> {
  const between = fc.array(separating, { minLength: count - 1, maxLength: count - 1 });
  const byPosition = fc.boolean();
  return fc
    .tuple(fc.oneof(plainText, anyText), between, fc.oneof(plainText, anyText), byPosition)
    .map(([before, texts, after, positions]) => {
      const placeholders = Array.from({ length: count }, (_, index) => `<${positions ? index : `p${index}`}>`);
      const template = before + placeholders.map((each, index) => each + (texts[index] ?? '')).join('') + after;
      const parameters = placeholders.map((_, index) => `p${index}`);
      return { template, resolve: compileTemplate(template, { method: METHOD, parameters }) };
    });
}

/** A template and two calls of its method, of which the second may imitate the first. */
export const calls = fc.integer({ min: 1, max: 3 }).chain((count) => {
  const args = fc.array(value, { minLength: count, maxLength: count });
  const encoded = args.map((a) => [a, a.map(encodeURIComponent)] as const);
  const moved = fc.tuple(args, separating).map(([a, text]) => [a, [a[0] + text, ...a.slice(1)]] as const);
  return fc
    .record({ compiled: templates(count), pair: fc.oneof(fc.tuple(args, args), encoded, moved) })
    .map(({ compiled, pair: [a, b] }) => ({ compiled, a, b }));
});
