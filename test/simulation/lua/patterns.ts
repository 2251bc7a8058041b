// The patterns of Lua's string library, as regular expressions. What these cannot say (%b, %f, back references, the
// position of a match as a capture) no script of ours uses, and is refused.
import { LuaError } from './runtime.js';

/** What a pattern has found in a text, from `start` up to `end`; of a pattern without captures the whole is the one. */
export interface Found {
  readonly start: number;
  readonly end: number;
  readonly captures: readonly string[];
}

const compiled = new Map<string, RegExp>();

export function findPattern(text: string, pattern: string, from: number): Found | undefined {
  const expression = compiled.get(pattern) ?? expressionOf(pattern);
  compiled.set(pattern, expression);
  expression.lastIndex = from;
  const found = expression.exec(text);
  if (!found) return undefined;
  const captures = found.length > 1 ? found.slice(1) : [found[0]];
  return { start: found.index, end: found.index + found[0].length, captures };
}

const CLASSES: Record<string, string> = {
  a: 'A-Za-z',
  c: '\\x00-\\x1f\\x7f',
  d: '0-9',
  l: 'a-z',
  p: '!-/:-@\\[-`{-~',
  s: '\\t-\\r ',
  u: 'A-Z',
  w: 'A-Za-z0-9',
  x: 'A-Fa-f0-9',
  z: '\\x00',
};

/** `^` is where the search begins, as in Lua, and not the begin of the text. */
function expressionOf(pattern: string): RegExp {
  const anchored = pattern.startsWith('^');
  let source = '';
  // What stands behind no single item is no quantifier.
  let isItem = false;
  for (let at = anchored ? 1 : 0; at < pattern.length; at += 1) {
    const character = pattern[at] as string;
    if (isItem && /[-*+?]/.test(character)) {
      source += character === '-' ? '*?' : character;
      isItem = false;
      continue;
    }
    isItem = !/[()]/.test(character);
    if (character === '%') {
      at += 1;
      source += escaped(pattern[at], pattern);
    } else if (character === '[') {
      const end = endOfSet(pattern, at);
      source += setOf(pattern.slice(at + 1, end), pattern);
      at = end;
    } else if (character === '(' && pattern[at + 1] === ')') refuse(pattern);
    else if (character === '.') source += '[\\s\\S]';
    else if (character === '$') source += at === pattern.length - 1 ? '$' : '\\$';
    else source += /[()]/.test(character) ? character : literal(character);
  }
  return new RegExp(source, anchored ? 'y' : 'g');
}

function refuse(pattern: string): never {
  throw new LuaError(`the simulation does not know what the pattern '${pattern}' asks for`);
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function escaped(letter: string | undefined, pattern: string): string {
  if (letter === undefined) throw new LuaError("malformed pattern (ends with '%')");
  if (/[bf\d]/.test(letter)) refuse(pattern);
  const known = CLASSES[letter.toLowerCase()];
  if (!known) return literal(letter);
  return letter === letter.toLowerCase() ? `[${known}]` : `[^${known}]`;
}

function endOfSet(pattern: string, start: number): number {
  let at = pattern[start + 1] === '^' ? start + 2 : start + 1;
  do {
    if (at >= pattern.length) throw new LuaError("malformed pattern (missing ']')");
    at += pattern[at] === '%' ? 2 : 1;
  } while (pattern[at] !== ']');
  return at;
}

function setOf(set: string, pattern: string): string {
  const negated = set.startsWith('^');
  let source = negated ? '^' : '';
  for (let at = negated ? 1 : 0; at < set.length; at += 1) {
    if (set[at] !== '%') {
      source += set[at] === '-' && at > 0 && at < set.length - 1 ? '-' : literal(set[at] as string);
      continue;
    }
    at += 1;
    const letter = set[at] as string;
    const known = CLASSES[letter.toLowerCase()];
    if (known && letter !== letter.toLowerCase()) refuse(pattern);
    source += known ?? literal(letter);
  }
  return `[${source}]`;
}
