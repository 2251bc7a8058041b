import { LockKeyError } from '../../core/errors.js';
import { textOf, type ValueSource, valueAt } from './key-value.js';

/** A method as error messages name it, and its parameters as far as they can be seen. */
export interface TemplateContext {
  /** `ClassName.methodName`. */
  readonly method: string;
  /**
   * The name of each parameter by position; `''` for one without a name, such as a pattern. `...name` for a rest, and
   * `...` where there may be more of them than are seen.
   */
  readonly parameters: readonly string[];
}

/** Makes a lock's name from the arguments of a call. */
export type KeyResolver = (args: readonly unknown[]) => string;

/** What a template consists of: there is one literal more than there are placeholders. */
export interface TemplateParts {
  readonly literals: readonly string[];
  /** What stands between `<` and `>`. */
  readonly placeholders: readonly string[];
}

const PLACEHOLDER = /<([^<>]*)>/;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;
const POSITION = /^\d+$/;
const PROPERTY = /^[@\-\p{ID_Continue}$\u200c\u200d]+$/u;
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
  const { literals, placeholders } = partsOf(template);
  const sources = placeholders.map((text) => parsePlaceholder(text, context));
  checkLiterals(template, literals, context);

  const escaped = escaper(literals.join(''));
  return (args) => {
    let name = literals[0] as string;
    for (const [index, source] of sources.entries()) {
      name += escaped(textOf(valueAt(args, source), source)) + literals[index + 1];
    }
    return name;
  };
}

export function partsOf(template: string): TemplateParts {
  const parts = template.split(PLACEHOLDER);
  return {
    literals: parts.filter((_, index) => index % 2 === 0),
    placeholders: parts.filter((_, index) => index % 2 === 1),
  };
}

function parsePlaceholder(text: string, context: TemplateContext): ValueSource {
  const { method, parameters } = context;
  const [head = '', ...path] = text.split('.');
  const byPosition = POSITION.test(head);
  if (!(byPosition || IDENTIFIER.test(head)) || !path.every((key) => PROPERTY.test(key))) {
    const right = placeholderFor(text, context) ?? '<name>, <name.path> or <0>';
    throw new LockKeyError(`The placeholder <${text}> of ${method} is malformed: write ${right}.`);
  }
  const index = byPosition ? Number(head) : parameters.indexOf(head);
  const isThere = index >= 0 && (index < parameters.length || hasMore(context));
  if (isThere) return { text, index, path, method, parameter: parameters[index] || String(index) };
  if (byPosition) {
    throw new LockKeyError(
      `The placeholder <${text}> of ${method} is beyond its parameters, which are: ${listOf(context)}. The first one is <0>.`,
    );
  }
  throw new LockKeyError(
    `The placeholder <${text}> of ${method} names no parameter; they are: ${listOf(context)}. Where a minifier or another ` +
      `decorator hides the names, put @LockParam('${head}') on the parameter, write <0>, or give a function.`,
  );
}

const hasMore = ({ parameters }: TemplateContext): boolean => parameters.at(-1)?.startsWith('...') === true;

function listOf({ parameters }: TemplateContext): string {
  if (parameters.length === 1 && parameters[0] === '...') return '(not to be seen)';
  return `(${parameters.map((name) => name || '(a pattern)').join(', ')})`;
}

/** How the parameter, or the property of one, is written that `text` names in another spelling. */
export function placeholderFor(text: string, { parameters }: TemplateContext): string | undefined {
  const words = text.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*|\d+/gu) ?? [];
  const named = words.findIndex((word) => parameters.includes(word) && !POSITION.test(word));
  if (named >= 0) return `<${words.slice(named).join('.')}>`;
  const position = words.find((word) => POSITION.test(word));
  return position === undefined ? undefined : `<${position}>`;
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
