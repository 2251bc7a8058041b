// What compiled Lua calls, and its values: nil is undefined, the rest is what it is in JavaScript.

/** A value that `error` was called with, or that a command was refused with. */
export class LuaError extends Error {
  constructor(readonly value: unknown) {
    super(typeof value === 'string' ? value : String((value as LuaTable | undefined)?.get?.('err') ?? value));
  }
}

export type LuaFunction = (...args: unknown[]) => unknown[];

/** Positions from 1 on in an array, everything else in a map. */
export class LuaTable {
  readonly items: unknown[] = [];
  readonly #fields = new Map<unknown, unknown>();

  static of(items: readonly unknown[], fields: readonly (readonly [unknown, unknown])[] = []): LuaTable {
    const table = new LuaTable();
    for (const [key, value] of fields) table.set(key, value);
    for (const [index, item] of items.entries()) table.set(index + 1, item);
    return table;
  }

  get(key: unknown): unknown {
    if (typeof key === 'number' && key >= 1 && key <= this.items.length) return this.items[key - 1];
    return this.#fields.get(key);
  }

  set(key: unknown, value: unknown): void {
    if (key === undefined) throw new LuaError('table index is nil');
    if (typeof key !== 'number' || !Number.isInteger(key) || key < 1 || key > this.items.length + 1) {
      if (value === undefined) this.#fields.delete(key);
      else this.#fields.set(key, value);
      return;
    }
    if (key <= this.items.length) {
      this.items[key - 1] = value;
      while (this.items.length > 0 && this.items.at(-1) === undefined) this.items.pop();
      return;
    }
    if (value === undefined) return;
    this.items.push(value);
    for (let next = key + 1; this.#fields.has(next); next += 1) {
      this.items.push(this.#fields.get(next));
      this.#fields.delete(next);
    }
  }

  entries(): [unknown, unknown][] {
    const items = this.items.map((item, index): [unknown, unknown] => [index + 1, item]);
    return [...items.filter(([, item]) => item !== undefined), ...this.#fields];
  }
}

export function typeOf(value: unknown): string {
  if (value === undefined) return 'nil';
  if (value instanceof LuaTable) return 'table';
  return typeof value;
}

/** As `%.14g` prints it, which is how Lua makes a string of a number. */
export function numberText(value: number, digits = 14): string {
  if (Number.isInteger(value) && Math.abs(value) < 10 ** digits) return String(value);
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const [mantissa = '', exponent] = value.toPrecision(digits).split('e');
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  if (exponent === undefined) return short;
  const sign = exponent.startsWith('-') ? '-' : '+';
  return `${short}e${sign}${exponent.replace(/^[+-]/, '').padStart(2, '0')}`;
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberText(value);
  if (value === undefined) return 'nil';
  return typeof value === 'boolean' ? String(value) : typeOf(value);
}

/** The number that a value is, or that a string spells; undefined: none. */
export function toNumber(value: unknown, base = 10): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (base !== 10) {
    const number = Number.parseInt(text, base);
    return Number.isNaN(number) ? undefined : number;
  }
  if (!/^[+-]?(0[xX][\da-fA-F]+|(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/.test(text)) return undefined;
  return Number(text);
}

function operand(value: unknown): number {
  const number = toNumber(value);
  if (number === undefined) throw new LuaError(`attempt to perform arithmetic on a ${typeOf(value)} value`);
  return number;
}

function comparable(a: unknown, b: unknown): void {
  const [left, right] = [typeOf(a), typeOf(b)];
  if (left === right && (left === 'number' || left === 'string')) return;
  throw new LuaError(
    left === right ? `attempt to compare two ${left} values` : `attempt to compare ${left} with ${right}`,
  );
}

function truthy(value: unknown): boolean {
  return value !== undefined && value !== false;
}

/** What a string has for methods. */
export const stringMethods: { library?: LuaTable } = {};

function index(object: unknown, key: unknown): unknown {
  if (object instanceof LuaTable) return object.get(key);
  if (typeof object === 'string') return stringMethods.library?.get(key);
  throw new LuaError(`attempt to index a ${typeOf(object)} value (field '${textOf(key)}')`);
}

function fn(value: unknown): LuaFunction {
  if (typeof value === 'function') return value as LuaFunction;
  throw new LuaError(`attempt to call a ${typeOf(value)} value`);
}

function* range(from: unknown, to: unknown, step: unknown): Generator<number> {
  const [first, last, by] = [operand(from), operand(to), operand(step)];
  for (let i = first; by > 0 ? i <= last : i >= last; i += by) yield i;
}

function* iterate([next, state, control]: readonly unknown[]): Generator<unknown[]> {
  const iterator = fn(next);
  for (let values = iterator(state, control); values[0] !== undefined; values = iterator(state, values[0]))
    yield values;
}

function concatenable(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return numberText(value);
  throw new LuaError(`attempt to concatenate a ${typeOf(value)} value`);
}

/** As the compiler names it. */
export const runtime = {
  /** The function `error`, as it is called in a line: which it tells, beside a string. */
  errorAt:
    (line: number): LuaFunction =>
    (value, level = 1) => {
      throw new LuaError(typeof value === 'string' && level !== 0 ? `user_script:${line}: ${value}` : value);
    },
  truthy,
  index,
  fn,
  range,
  iterate,
  and: (a: unknown, b: () => unknown): unknown => (truthy(a) ? b() : a),
  or: (a: unknown, b: () => unknown): unknown => (truthy(a) ? a : b()),
  less: (a: unknown, b: unknown): boolean => {
    comparable(a, b);
    return (a as number) < (b as number);
  },
  more: (a: unknown, b: unknown): boolean => {
    comparable(a, b);
    return (a as number) > (b as number);
  },
  add: (a: unknown, b: unknown): number => operand(a) + operand(b),
  sub: (a: unknown, b: unknown): number => operand(a) - operand(b),
  mul: (a: unknown, b: unknown): number => operand(a) * operand(b),
  div: (a: unknown, b: unknown): number => operand(a) / operand(b),
  pow: (a: unknown, b: unknown): number => operand(a) ** operand(b),
  mod: (a: unknown, b: unknown): number => {
    const [left, right] = [operand(a), operand(b)];
    return left - Math.floor(left / right) * right;
  },
  neg: (a: unknown): number => -operand(a),
  concat: (a: unknown, b: unknown): string => concatenable(a) + concatenable(b),
  length: (value: unknown): number => {
    if (typeof value === 'string') return value.length;
    if (value instanceof LuaTable) return value.items.length;
    throw new LuaError(`attempt to get length of a ${typeOf(value)} value`);
  },
  setIndex: (object: unknown, key: unknown, value: unknown): void => {
    if (!(object instanceof LuaTable)) throw new LuaError(`attempt to index a ${typeOf(object)} value`);
    object.set(key, value);
  },
  method: (object: unknown, name: string, ...args: unknown[]): unknown[] => fn(index(object, name))(object, ...args),
  global: (globals: Record<string, unknown>, name: string): unknown => {
    if (name in globals) return globals[name];
    throw new LuaError(`Script attempted to access nonexistent global variable '${name}'`);
  },
  setGlobal: (name: string): never => {
    throw new LuaError(`Attempt to modify a readonly table or global variable '${name}'`);
  },
};
