import { LockKeyError } from './errors.js';
import { kindOf } from './options.js';

const MAX_NAME_BYTES = 512;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** One name, or several of which all are locked or none. */
export type LockName = string | readonly string[];

/** The names in the one order in which everybody locks them, each once. Throws `LockKeyError`. */
export function resolveNames(name: LockName): readonly string[] {
  if (typeof name === 'string') return [checkName(name)];
  if (!Array.isArray(name) || name.length === 0) {
    throw new LockKeyError(`A lock's name is ${kindOf(name)}: give a text, or an array of at least one text.`);
  }
  return [...new Set(Array.from(name, checkName))].sort(byCodeUnits);
}

function checkName(name: unknown): string {
  const problem = problemOf(name);
  if (problem === undefined) return name as string;
  throw new LockKeyError(`A lock's name is ${problem}`);
}

function problemOf(name: unknown): string | undefined {
  if (typeof name !== 'string') return `${kindOf(name)}: give a text.`;
  if (name === '') return 'empty: give it at least one character.';
  if (LONE_SURROGATE.test(name)) return 'no well-formed Unicode (half of a surrogate pair): give a whole text.';
  // No UTF-16 unit becomes more than three bytes of UTF-8.
  if (name.length * 3 <= MAX_NAME_BYTES) return undefined;
  const bytes = Buffer.byteLength(name);
  if (bytes <= MAX_NAME_BYTES) return undefined;
  return `${bytes} bytes long, more than ${MAX_NAME_BYTES}: shorten it, or hash its longest part.`;
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
