// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are sources of functions.
import fc from 'fast-check';

// What no name and no bracket of the list may be taken from: it would be read wrongly.
const STRINGS = [
  "'a, b'",
  '")("',
  "'it\\'s, ['",
  "'\\\\'",
  "'//'",
  '"/*"',
  "'`${'",
  '"a\\\nb, c"',
  '``',
  '`a, (`',
  '`\\`,`',
];
const REGULAR_EXPRESSIONS = [
  '/,/',
  '/[,/)]/g',
  '/\\//',
  '/"/',
  "/'/u",
  '/`/',
  '/[`"]/',
  '/\\[/',
  '/(?:,)/s',
  '/=>{/',
  '/[\\]/]/',
];
const NUMBERS = ['0', '1.5', '.5', '1e+5', '0xE', '1_000n', '5.'];
const COMMENTS = [
  '/* , */',
  '/* ) */',
  "/* it's */",
  '/* ` */',
  '/* // */',
  '// , b)\n',
  "// it's\r\n",
  '// (\u2028',
  '/**/',
];
const SPACES = ['', ' ', '\n', '\t', '\r\n', '\u00a0'];

const NAMES = [
  'a',
  'b2',
  '$',
  '_c',
  'größe',
  '注文',
  'orderId',
  'of',
  'async',
  'get',
  'let_',
  'constructor',
  'half',
  '\u{20bb7}',
];

const space = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...SPACES) },
  { weight: 1, arbitrary: fc.constantFrom(...COMMENTS) },
);
const spaced = (...parts: (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.flatMap((part) => [space, typeof part === 'string' ? fc.constant(part) : part]))
    .map((each) => each.join(''));

/** Whose division is no regular expression, and whose regular expression is no division. */
const { expression } = fc.letrec<{ expression: string; operand: string }>((tie) => ({
  operand: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'operand' },
    fc.constantFrom(...STRINGS),
    fc.constantFrom(...REGULAR_EXPRESSIONS),
    fc.constantFrom(...NUMBERS),
    fc.constantFrom(
      'x',
      'x.y',
      'x?.y',
      'x.return',
      'x.in',
      'x.with',
      'this',
      'null',
      'x[0]',
      'x()',
      'x.if()',
      'x?.[0]',
      'x?.()',
    ),
    fc.constantFrom('x++', 'x --', 'x/* , */++'),
    spaced('(', tie('expression'), ')'),
    spaced('(', tie('expression'), ',', tie('expression'), ')'),
    spaced('[', tie('expression'), ',', tie('expression'), ']'),
    spaced('x[', tie('expression'), ']'),
    spaced('x(', tie('expression'), ',', tie('expression'), ')'),
    tie('expression').map((each) => `\`, \${${each}} )\``),
    tie('expression').map((each) => `x\`\${${each}},\${{ a: 1, b: [2] }}\``),
  ),
  expression: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'expression' },
    tie('operand'),
    spaced(tie('operand'), fc.constantFrom(' / ', '%', '+', '&&', '??', '<', '>', '>>', '=='), tie('operand')),
    spaced(tie('operand'), fc.constantFrom(' in ', ' instanceof '), tie('operand')),
    spaced(fc.constantFrom('typeof ', 'void ', '!', '-', 'delete '), tie('operand')).map((each) => `(${each})`),
    spaced(tie('operand'), '?', tie('operand'), ':', tie('operand')),
    spaced(
      '{',
      'k:',
      tie('expression'),
      ', ',
      'return:',
      tie('operand'),
      ', m(p, q = ',
      tie('operand'),
      ') { return ',
      tie('operand'),
      '}',
      '}',
    ).map((each) => `(${each})`),
    spaced('(p, q) =>', tie('operand')),
    spaced('p =>', tie('operand')),
    spaced('function (p, q) { if (p)', tie('operand'), '; for (;;) return ', tie('operand'), '; }'),
    spaced('class { f =', tie('operand'), '; static g(p, q) { return [p, q]; } #h = 1; }'),
    spaced('async (p, q = ', tie('operand'), ') => { while (p)', tie('operand'), '; }'),
  ),
}));

const patterns = fc.oneof(
  fc.constantFrom(
    '{ k }',
    '{ k, l: { m } }',
    '[k, l]',
    '[, k = [1]]',
    '{ ...k }',
    "{ 'a, b': k }",
    '[k, ...{ length: l }]',
  ),
  spaced('{ k =', expression, ', l: [m =', expression, '] }'),
  spaced('{ [', expression, ']: k }'),
);

export interface ParameterList {
  readonly source: string;
  readonly names: readonly string[];
}

const parameter = (name: string): fc.Arbitrary<{ source: string; name: string }> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 4, arbitrary: fc.constant({ binding: name, name }) },
        {
          weight: 1,
          arbitrary: patterns.map((pattern) => ({
            binding: pattern.replace(/\b([klm])\b(?=[\s,=}\]])/g, (letter) => name + letter),
            name: '',
          })),
        },
      ),
      fc.option(expression, { nil: undefined }),
      space,
      space,
    )
    .map(([{ binding, name: read }, byDefault, before, after]) => ({
      source: before + binding + after + (byDefault === undefined ? '' : ` = ${byDefault} ${after}`),
      name: read,
    }));

/** A list of parameters with default values, patterns, comments and a rest, and what their names are. */
export const parameterLists: fc.Arbitrary<ParameterList> = fc
  .record({
    names: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 5 }),
    rest: fc.constantFrom('', '...rest', '... rest', '... /* , */ rest', '...[r, s]'),
    comma: fc.constantFrom('', ' , '),
  })
  .chain(({ names, rest, comma }) =>
    fc.tuple(...names.map(parameter)).map((parameters) => {
      const sources = parameters.map(({ source }) => source);
      const read = parameters.map(({ name }) => name);
      if (rest === '') return { source: sources.join(',') + comma, names: read };
      return { source: [...sources, rest].join(','), names: [...read, rest.endsWith('rest') ? '...rest' : '...'] };
    }),
  );

/** Pieces that change how what comes after them is read. */
const CROWBARS = [
  '/',
  '//',
  '/*',
  '*/',
  "'",
  '"',
  '`',
  '${',
  '}',
  '{',
  '(',
  ')',
  '[',
  ']',
  ',',
  '=',
  '++',
  '--',
  '=>',
  '...',
  '\\',
  '\n',
  '<!--',
  '-->',
  'of',
  'yield',
  'await',
  'return',
  '/,/',
  '} /',
  '++/',
  'a',
  'b',
];

/** Lists that were changed in some places: most do not compile, and the others are odd. */
export const crookedLists: fc.Arbitrary<string> = parameterLists.chain(({ source }) =>
  fc
    .array(
      fc.record({
        at: fc.nat(source.length),
        taken: fc.nat(2),
        given: fc.array(fc.constantFrom(...CROWBARS), { maxLength: 3 }).map((pieces) => pieces.join(' ')),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((changes) =>
      changes.reduce((list, { at, taken, given }) => list.slice(0, at) + given + list.slice(at + taken), source),
    ),
);

type Fn = (...args: unknown[]) => (name: string) => unknown;

/** The function with this list, which evaluates what it is asked for among its parameters. Undefined: it does not compile. */
export function functionWith(list: string): Fn | undefined {
  try {
    // Not by node:vm, which ends the process at a syntax error behind U+2028.
    return new Function(`return (function (${list}) { return (__name) => eval(__name); })`)();
  } catch {
    return undefined;
  }
}

/** An argument that can be taken apart in every way. */
export function anything(): unknown {
  return new Proxy(() => {}, {
    get: (_target, key) => {
      if (key === Symbol.iterator) {
        return function* () {
          for (let count = 0; count < 9; count += 1) yield anything();
        };
      }
      return key === Symbol.toPrimitive ? () => 'key' : anything();
    },
    apply: () => anything(),
    ownKeys: () => ['prototype'],
  });
}
