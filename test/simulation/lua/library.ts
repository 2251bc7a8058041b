// The part of Lua's library that Redis gives to a script.
import { type Found, findPattern } from './patterns.js';
import {
  LuaError,
  type LuaFunction,
  LuaTable,
  numberText,
  runtime,
  stringMethods,
  textOf,
  toNumber,
  typeOf,
} from './runtime.js';

const { truthy, fn } = runtime;

function text(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return textOf(value);
  throw new LuaError(`bad argument (string expected, got ${typeOf(value)})`);
}

function number(value: unknown): number {
  const found = toNumber(value);
  if (found === undefined) throw new LuaError(`bad argument (number expected, got ${typeOf(value)})`);
  return found;
}

/** From a position of Lua, which may count from the end, to one of JavaScript. */
function startOf(position: unknown, length: number): number {
  const at = position === undefined ? 1 : number(position);
  return at < 0 ? Math.max(0, length + at) : Math.max(0, at - 1);
}

function slice(value: string, from: unknown, to: unknown): string {
  const last = to === undefined ? -1 : number(to);
  return value.slice(startOf(from, value.length), last < 0 ? value.length + last + 1 : last);
}

function find(value: unknown, pattern: unknown, from: unknown, plain: unknown): unknown[] {
  const [subject, wanted] = [text(value), text(pattern)];
  const start = startOf(from, subject.length);
  if (truthy(plain)) {
    const at = subject.indexOf(wanted, start);
    return at < 0 ? [undefined] : [at + 1, at + wanted.length];
  }
  const found = findPattern(subject, wanted, start);
  if (!found) return [undefined];
  return [found.start + 1, found.end, ...(wanted.includes('(') ? found.captures : [])];
}

function* allIn(subject: string, pattern: string): Generator<Found> {
  for (let from = 0; from <= subject.length; ) {
    const found = findPattern(subject, pattern, from);
    if (!found) return;
    yield found;
    from = found.end > found.start ? found.end : found.end + 1;
    if (pattern.startsWith('^')) return;
  }
}

function gmatch(value: unknown, pattern: unknown): unknown[] {
  const all = allIn(text(value), text(pattern));
  return [() => (all.next().value as Found | undefined)?.captures.slice() ?? []];
}

function gsub(value: unknown, pattern: unknown, replacement: unknown, most: unknown): unknown[] {
  const subject = text(value);
  let [result, end, count] = ['', 0, 0];
  for (const found of allIn(subject, text(pattern))) {
    if (most !== undefined && count >= number(most)) break;
    count += 1;
    const whole = subject.slice(found.start, found.end);
    result += subject.slice(end, found.start) + replaced(whole, found, replacement);
    end = found.end;
  }
  return [result + subject.slice(end), count];
}

function replaced(whole: string, { captures }: Found, replacement: unknown): string {
  if (typeof replacement === 'string' || typeof replacement === 'number') {
    return textOf(replacement).replace(/%(.)/g, (_, character: string) => {
      if (character === '0') return whole;
      return /\d/.test(character) ? (captures[Number(character) - 1] ?? '') : character;
    });
  }
  const value = replacement instanceof LuaTable ? replacement.get(captures[0]) : fn(replacement)(...captures)[0];
  return truthy(value) ? text(value) : whole;
}

const DIRECTIVE = /%([-+ #0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g;

function format(template: unknown, ...values: unknown[]): unknown[] {
  let next = 0;
  const formatted = text(template).replace(
    DIRECTIVE,
    (_, flags: string, width: string, precision: string | undefined, letter: string) => {
      if (letter === '%') return '%';
      const value = values[next];
      next += 1;
      const body = formatOne(letter, value, precision === undefined ? undefined : Number(precision));
      if (flags.includes('-')) return body.padEnd(Number(width));
      return body.padStart(Number(width), flags.includes('0') ? '0' : ' ');
    },
  );
  return [formatted];
}

function formatOne(letter: string, value: unknown, precision: number | undefined): string {
  switch (letter) {
    case 'd':
    case 'i':
      return String(Math.trunc(number(value)));
    case 'f':
      return number(value).toFixed(precision ?? 6);
    case 'g':
      return numberText(number(value), precision ?? 6);
    case 'x':
      return Math.trunc(number(value)).toString(16);
    case 's':
      return textOf(value).slice(0, precision);
    case 'q':
      return JSON.stringify(text(value));
    default:
      throw new LuaError(`invalid option '%${letter}' to 'format'`);
  }
}

const string = {
  byte: (value, from = 1, to = from) => {
    const part = slice(text(value), from, to);
    return [...part].map((character) => character.charCodeAt(0));
  },
  char: (...codes) => [String.fromCharCode(...codes.map(number))],
  find,
  format,
  gmatch,
  gsub,
  len: (value) => [text(value).length],
  lower: (value) => [text(value).toLowerCase()],
  match: (value, pattern, from) => {
    const subject = text(value);
    return findPattern(subject, text(pattern), startOf(from, subject.length))?.captures.slice() ?? [undefined];
  },
  rep: (value, times) => [text(value).repeat(Math.max(0, number(times)))],
  reverse: (value) => [[...text(value)].reverse().join('')],
  sub: (value, from, to) => [slice(text(value), from, to)],
  upper: (value) => [text(value).toUpperCase()],
} satisfies Record<string, LuaFunction>;

function itemsOf(table: unknown): unknown[] {
  if (table instanceof LuaTable) return table.items;
  throw new LuaError(`bad argument (table expected, got ${typeOf(table)})`);
}

const table = {
  concat: (list, separator = '', from = 1, to = itemsOf(list).length) => [
    itemsOf(list)
      .slice(number(from) - 1, number(to))
      .map(text)
      .join(text(separator)),
  ],
  getn: (list) => [itemsOf(list).length],
  insert: (list, ...rest) => {
    const items = itemsOf(list);
    if (rest.length === 1) items.push(rest[0]);
    else items.splice(number(rest[0]) - 1, 0, rest[1]);
    return [];
  },
  remove: (list, position) => {
    const items = itemsOf(list);
    if (items.length === 0) return [undefined];
    return items.splice(position === undefined ? items.length - 1 : number(position) - 1, 1);
  },
  sort: (list, before) => {
    const isBefore = (a: unknown, b: unknown): boolean => (before ? truthy(fn(before)(a, b)[0]) : runtime.less(a, b));
    itemsOf(list).sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
    return [];
  },
} satisfies Record<string, LuaFunction>;

const math = {
  abs: (value) => [Math.abs(number(value))],
  ceil: (value) => [Math.ceil(number(value))],
  floor: (value) => [Math.floor(number(value))],
  fmod: (a, b) => [number(a) % number(b)],
  max: (...all) => [Math.max(...all.map(number))],
  min: (...all) => [Math.min(...all.map(number))],
} satisfies Record<string, LuaFunction>;

/** As of Redis 7: of a table that says what is wrong, only that. */
function caught(value: unknown): unknown {
  const text = value instanceof LuaTable ? value.get('err') : undefined;
  return typeof text === 'string' ? text : value;
}

const basic = {
  assert: (...values) => {
    if (!truthy(values[0])) throw new LuaError(values[1] ?? 'assertion failed!');
    return values;
  },
  ipairs: (list) => {
    const next = (all: unknown, last: unknown): unknown[] => {
      const at = (last as number) + 1;
      const value = runtime.index(all, at);
      return value === undefined ? [undefined] : [at, value];
    };
    return [next, list, 0];
  },
  next: (list, key) => {
    const entries = (list as LuaTable).entries();
    const at = key === undefined ? 0 : entries.findIndex(([each]) => each === key) + 1;
    return entries[at] ?? [undefined];
  },
  pairs: (list) => {
    const entries = (list as LuaTable).entries();
    let at = 0;
    return [
      () => {
        at += 1;
        return entries[at - 1] ?? [undefined];
      },
    ];
  },
  pcall: (called, ...args) => {
    try {
      return [true, ...fn(called)(...args)];
    } catch (error) {
      if (error instanceof LuaError) return [false, caught(error.value)];
      throw error;
    }
  },
  select: (which, ...values) => (which === '#' ? [values.length] : values.slice(number(which) - 1)),
  tonumber: (value, base) => [toNumber(value, base === undefined ? 10 : number(base))],
  tostring: (value) => [textOf(value)],
  type: (value) => [typeOf(value)],
  unpack: (list, from = 1, to = itemsOf(list).length) => itemsOf(list).slice(number(from) - 1, number(to)),
} satisfies Record<string, LuaFunction>;

function library(functions: Record<string, LuaFunction>): LuaTable {
  return LuaTable.of([], Object.entries(functions));
}

stringMethods.library = library(string);

/** Made once: a script cannot change it. */
export const LUA_LIBRARY: Readonly<Record<string, unknown>> = {
  ...basic,
  string: stringMethods.library,
  table: library(table),
  math: library(math),
};
