import { LockKeyError } from './errors.js';
import { kindOf } from './options.js';

/** A method as error messages name it, and its parameters as far as they can be seen. */
export interface TemplateContext {
  /** `ClassName.methodName`. */
  readonly method: string;
  /** The name of each parameter by position; `''` for a pattern, which has none, and `...name` for a rest. */
  readonly parameters: readonly string[];
}

interface Placeholder {
  readonly text: string;
  readonly index: number;
  readonly path: readonly string[];
}

/** Makes a lock's name from the arguments of a call. */
export type KeyResolver = (args: readonly unknown[]) => string;

const PLACEHOLDER = /<([^<>]*)>/;
/** Characters that a value may keep, unless the template itself uses them as separators. */
const PLAIN = /[\p{L}\p{N}]/u;
const USUALLY_PLAIN = '-_.@';

/**
 * Compiles a template such as `order:<orderId>:<line.id>`. Throws `LockKeyError` for what can be known without a call.
 *
 * Values are escaped so that different values never make the same name: each separator between two placeholders has a
 * character that no escaped value contains.
 */
export function compileTemplate(template: string, context: TemplateContext): KeyResolver {
  const parts = template.split(PLACEHOLDER);
  const literals = parts.filter((_, index) => index % 2 === 0);
  const placeholders = parts.filter((_, index) => index % 2 === 1).map((text) => parsePlaceholder(text, context));
  checkLiterals(template, literals, context);

  const escaped = escaper(literals.join(''));
  return (args) => {
    let name = literals[0] as string;
    for (const [index, placeholder] of placeholders.entries()) {
      name += escaped(textOf(read(args, placeholder, context), placeholder, context)) + literals[index + 1];
    }
    return name;
  };
}

function parsePlaceholder(text: string, { method, parameters }: TemplateContext): Placeholder {
  const [head = '', ...path] = text.split('.');
  if (head === '' || path.includes('')) {
    throw new LockKeyError(`The placeholder <${text}> of ${method} is malformed: write <name>, <name.path> or <0>.`);
  }
  const byPosition = /^\d+$/.test(head);
  const index = byPosition ? Number(head) : parameters.indexOf(head);
  const isThere = index < parameters.length || parameters.at(-1)?.startsWith('...');
  if (index >= 0 && isThere) return { text, index, path };
  const list = parameters.map((name) => name || '(a pattern)').join(', ');
  throw new LockKeyError(
    `The placeholder <${text}> of ${method} names no parameter; they are: (${list}). Where a minifier or another ` +
      `decorator hides the names, put @LockParam('${head}') on the parameter, write <0>, or give a function.`,
  );
}

function checkLiterals(template: string, literals: readonly string[], { method }: TemplateContext): void {
  if (template === '') throw new LockKeyError(`The template of ${method} is empty: write a name such as 'order:<id>'.`);
  if (/[<>]/.test(literals.join(''))) {
    throw new LockKeyError(`The template '${template}' of ${method} has a single < or >: write <name> for a value.`);
  }
  const between = literals.slice(1, -1).find((literal) => ![...literal].some((char) => isSeparator(char)));
  if (between === undefined) return;
  throw new LockKeyError(
    `The template '${template}' of ${method} has two values with ${between === '' ? 'nothing' : `only '${between}'`} ` +
      "between them, so that different values make the same name: put a separator such as ':' there.",
  );
}

function isSeparator(char: string): boolean {
  return char !== '%' && !PLAIN.test(char);
}

function escaper(literals: string): (value: string) => string {
  const plain = [...USUALLY_PLAIN].filter((char) => !literals.includes(char)).join('');
  const special = new RegExp(`[^\\p{L}\\p{N}${plain.replace(/[-.]/g, '\\$&')}]`, 'gu');
  return (value) => value.replace(special, percentEncode);
}

function percentEncode(char: string): string {
  return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function read(args: readonly unknown[], placeholder: Placeholder, context: TemplateContext): unknown {
  let value = args[placeholder.index];
  for (const key of placeholder.path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) {
      throw unusable(placeholder, context, `there is no own property '${key}' in ${kindOf(value)}`);
    }
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function textOf(value: unknown, placeholder: Placeholder, context: TemplateContext): string {
  const text = toText(value);
  if (text !== undefined && text !== '') return text;
  throw unusable(placeholder, context, `it is ${value === '' ? 'an empty text' : kindOf(value)}`);
}

/** The text of a value that identifies something; undefined for all others. */
function toText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return /\p{Surrogate}/u.test(value) ? undefined : value;
    case 'number':
      return Number.isNaN(value) ? undefined : String(value);
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? undefined : textOfObject(value);
    default:
      return undefined;
  }
}

function textOfObject(value: object): string | undefined {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return undefined;
  if (typeof value.toString !== 'function' || value.toString === Object.prototype.toString) return undefined;
  const text: unknown = value.toString();
  return typeof text === 'string' && text !== '[object Object]' ? toText(text) : undefined;
}

function unusable(
  { text, index }: Placeholder,
  { method, parameters }: TemplateContext,
  problem: string,
): LockKeyError {
  const parameter = parameters[index] || index;
  return new LockKeyError(
    `No lock name can be made for ${method}: <${text}> (parameter ${parameter}): ${problem}. Pass a text, number, ` +
      'bigint, boolean, Date or an id with its own toString().',
  );
}
