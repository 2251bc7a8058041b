// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are sources of functions.
import { runInThisContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { parameterNames } from '../../../lib/nest/decorators/parameter-names.js';

type Fn = (...args: never[]) => unknown;

/** The function as its author wrote it, untouched by the tools that run the tests. */
const expression = (source: string): Fn => runInThisContext(`(${source})`);
const method = (source: string): Fn =>
  expression(`Object.values(Object.getOwnPropertyDescriptors({ ${source} }))[0].value`);
const symbolMethod = (source: string): Fn =>
  expression(`((o) => o[Object.getOwnPropertySymbols(o)[0]])({ ${source} })`);
const classMethod = (source: string): Fn =>
  expression(
    `((p) => p[Object.getOwnPropertyNames(p).find((key) => key !== 'constructor')])(class { ${source} }.prototype)`,
  );

/** Sources of methods, and the names that they have. */
const METHODS: [source: string, names: string[]][] = [
  ['pay() {}', []],
  ['pay( ) {}', []],
  ['pay(orderId) {}', ['orderId']],
  ['pay(orderId, card) {}', ['orderId', 'card']],
  ['pay(orderId, card, ) {}', ['orderId', 'card']],
  ['pay(\n  orderId,\n\tcard,\r\n) {}', ['orderId', 'card']],
  ['async pay(orderId) {}', ['orderId']],
  ['*pay(orderId) {}', ['orderId']],
  ['async *pay(orderId) {}', ['orderId']],
  ['async(orderId) {}', ['orderId']],
  ['get(orderId) {}', ['orderId']],
  ['static(orderId) {}', ['orderId']],
  ['_pay(_orderId, __card) {}', ['_orderId', '__card']],
  ['$pay($, $1) {}', ['$', '$1']],
  ['zahle(größe, ключ, 注文) {}', ['größe', 'ключ', '注文']],
  ['"pay (now, later)"(orderId) {}', ['orderId']],
  ["'pay'(orderId) {}", ['orderId']],
  ['1(orderId) {}', ['orderId']],
  ['e(e,t,n){return e}', ['e', 't', 'n']],
];

const DEFAULTS: [source: string, names: string[]][] = [
  ['a = 1, b', ['a', 'b']],
  ['a=1,b=2', ['a', 'b']],
  ["a = 'x,y', b", ['a', 'b']],
  ['a = "),(", b', ['a', 'b']],
  ["a = 'it\\'s, (', b", ['a', 'b']],
  ["a = '\\\\', b", ['a', 'b']],
  ["a = 'http://x', b", ['a', 'b']],
  ['a = `x,y`, b', ['a', 'b']],
  ['a = `${[1, 2]}`, b', ['a', 'b']],
  ['a = `${`,`}`, b', ['a', 'b']],
  ['a = `${String(`(`, `,`)}, ${{ c: 1 }}`, b', ['a', 'b']],
  ['a = (1, 2), b', ['a', 'b']],
  ['a = [1, 2], b', ['a', 'b']],
  ['a = { x: 1, y: [2, 3] }, b', ['a', 'b']],
  ['a = (x, y) => x, b', ['a', 'b']],
  ['a = x => x, b', ['a', 'b']],
  ['a = function (x, y) { return [x, y]; }, b', ['a', 'b']],
  ['a = class { m(x, y) {} }, b', ['a', 'b']],
  ['a = Math.max(1, 2), b', ['a', 'b']],
  ['a = 1 < 2, b = 2 > 1, c', ['a', 'b', 'c']],
  ['a = 1 == 1, b', ['a', 'b']],
  ['a = 4 / 2, b = 4 / 2', ['a', 'b']],
  ['a = (4) / 2, b = [1] / 2, c', ['a', 'b', 'c']],
  ['a = /,/, b', ['a', 'b']],
  ['a = /[,/)]/g, b', ['a', 'b']],
  ['a = /"/, b = "x"', ['a', 'b']],
  ['a = [/\\//, /\\(/], b', ['a', 'b']],
  ["a = (b, c), c = ','", ['a', 'c']],
];

const PATTERNS: [source: string, names: string[]][] = [
  ['{ id }', ['']],
  ['{ id, to: { name } }, b', ['', 'b']],
  ["{ id = ',', to = {} } = {}, b", ['', 'b']],
  ['[a, b], c', ['', 'c']],
  ['[a = 1, [b]] = [], c', ['', 'c']],
  ['a, { b }, [c], d', ['a', '', '', 'd']],
  ['...rest', ['...rest']],
  ['a, ... rest', ['a', '...rest']],
  ['a, ...[b, c]', ['a', '...']],
];

const COMMENTS: [source: string, names: string[]][] = [
  ['/* orderId */ a', ['a']],
  ['a /* , b */, c', ['a', 'c']],
  ['a, // b, c)\n d', ['a', 'd']],
  ['/* ( */ a /* ) */', ['a']],
  ["a /* it's */, b", ['a', 'b']],
  ['a = /* , */ 1, b', ['a', 'b']],
  ['/* nothing */', []],
  ['a, /* the end */', ['a']],
];

describe('The names of the parameters', () => {
  it.each(METHODS)('of the method %s', (source, names) => {
    expect(parameterNames(method(source))).toEqual(names);
    expect(parameterNames(classMethod(source))).toEqual(names);
  });

  it.each([...DEFAULTS, ...PATTERNS, ...COMMENTS])(
    'of (%s), in methods, functions and arrow functions',
    (list, names) => {
      expect(parameterNames(method(`async pay(${list}) {}`))).toEqual(names);
      expect(parameterNames(expression(`async function pay(${list}) {}`))).toEqual(names);
      expect(parameterNames(expression(`function (${list}) {}`))).toEqual(names);
      expect(parameterNames(expression(`async (${list}) => {}`))).toEqual(names);
      expect(parameterNames(expression(`(${list}) => 'a, b'`))).toEqual(names);
    },
  );

  it.each([
    ['orderId => orderId', ['orderId']],
    ['async orderId => orderId', ['orderId']],
    ['async => async', ['async']],
    ['größe => (größe, 1)', ['größe']],
    ['() => (a, b) => a', []],
    ['function* pay(orderId) {}', ['orderId']],
  ])('of the function %s', (source, names) => {
    expect(parameterNames(expression(source))).toEqual(names);
  });

  it('of methods whose name is computed', () => {
    expect(parameterNames(method("['pay'](orderId) {}"))).toEqual(['orderId']);
    expect(parameterNames(method("async ['pay' + ['(', ')'].join('')](orderId) {}"))).toEqual(['orderId']);
    expect(parameterNames(method("[((a, b) => a + b)('p', 'ay')](orderId) {}"))).toEqual(['orderId']);
    expect(parameterNames(method('*[`pay(${[1]})`](orderId) {}'))).toEqual(['orderId']);
    expect(parameterNames(symbolMethod('async *[Symbol.asyncIterator](orderId) {}'))).toEqual(['orderId']);
  });

  it('of methods with comments before the list', () => {
    expect(parameterNames(method('async /* ( */ pay /* [ */ (orderId) {}'))).toEqual(['orderId']);
    expect(parameterNames(method('/* @ */ pay(orderId) {}'))).toEqual(['orderId']);
  });

  it('of private methods', () => {
    const own = expression('new (class { #pay(orderId) {} get pay() { return this.#pay; } })().pay');
    expect(parameterNames(own)).toEqual(['orderId']);
  });

  it('do not depend on the body', () => {
    const body = "{ const quote = /['\"`]/; return `${quote}` + '// \"' + (1, 2); /* } ' */ }";
    expect(parameterNames(method(`pay(orderId, card = 1) ${body}`))).toEqual(['orderId', 'card']);
  });

  it('of this very file, as the compiler leaves it', () => {
    class Orders {
      async pay(orderId: string, { id }: { id: number }, note = 'a, b', ...lines: string[]) {
        return [orderId, id, note, lines];
      }
    }
    expect(parameterNames(Orders.prototype.pay)).toEqual(['orderId', '', 'note', '...lines']);
  });

  it('are unknown where the source is not to be seen', () => {
    const fn = expression('(orderId) => orderId');
    expect(parameterNames(fn.bind(undefined))).toBeUndefined();
    expect(parameterNames(new Proxy(fn, {}))).toBeUndefined();
    expect(parameterNames(Math.max)).toBeUndefined();
    expect(parameterNames(expression('(orderId) => "{ [native code] }"'))).toEqual(['orderId']);
  });
});
