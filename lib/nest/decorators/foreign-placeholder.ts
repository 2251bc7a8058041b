import { LockKeyError } from '../../core/errors.js';
import { partsOf, placeholderFor, type TemplateContext } from '../../features/keys/key-template.js';

/** `{id}`, `${id}`, `#{id}`, `{{id}}`: nothing that is meant literally in the name of a lock. */
const BRACED = /[$#%@]?\{+([^{}]*)\}+/;
/** `%s` and its like. */
const FORMAT = /(?<![\p{L}\p{N}])%(?:\d+\$)?[sdij](?![\p{L}\p{N}_])/u;
const WORD = /[\p{ID_Start}$_][\p{ID_Continue}$]*/gu;
const PATH = /^(?:\.[\p{ID_Start}$_][\p{ID_Continue}$]*)+/u;
/** What makes the word behind it a placeholder elsewhere: `@id`, `#id`, `%id%`, `[id]`, `(id)`, `'id'`, `/:id`. */
const MARK = /(?:[@#%[({'"`]|(?<![\p{L}\p{N}_>]):)$/u;

interface Word {
  readonly text: string;
  readonly mark: string;
  /** The properties that stand behind it: `.id`. */
  readonly path: string;
  /** Only separators are between it and a placeholder, of which it may be the label. */
  readonly isLabel: boolean;
}

/**
 * Throws `LockKeyError` where a template has a placeholder in the spelling of another library, or the name of a parameter
 * where its value was meant: all calls would share one lock. What is meant literally can be written as a function.
 */
export function refuseForeignPlaceholders(template: string, context: TemplateContext): void {
  const { literals, placeholders } = partsOf(template);
  const names = context.parameters.map(bare).filter((name) => name !== '');
  const refuse = (found: string, right: string): never => {
    throw new LockKeyError(
      `The template '${template}' of ${context.method} has ${found} in it, which is text there and no placeholder: write ` +
        `${right}. If the text is meant as it stands, give a function that returns it.`,
    );
  };

  for (const literal of literals) {
    const [found, content = ''] = BRACED.exec(literal) ?? FORMAT.exec(literal) ?? [];
    const [word = names[0] ?? '0'] = content.match(WORD) ?? [];
    if (found !== undefined) refuse(found, placeholderFor(content, context) ?? `<${written(word, context)}>`);
  }
  const open = names.filter((name) => !isRead(name, placeholders, context));
  const named = wordsOf(literals).flatMap(({ text, mark, path, isLabel }) => {
    const name = open.find((each) => each === text || (each === text.replace(/^\$/, '') && !names.includes(text)));
    const isBare = mark === '' && name === text;
    // A single letter may also be what a minifier made of a longer name.
    return name === undefined || (isBare && (isLabel || name.length === 1))
      ? []
      : [{ found: mark + text, right: `<${written(name, context)}${path}>` }];
  });
  if (named.length === 0) return;
  const found = new Set(named.map((each) => each.found));
  const right = new Set(named.map((each) => each.right));
  refuse([...found].join(', '), [...right].join(' or '));
}

/** The name of a parameter, also of one that takes all further arguments. */
function bare(parameter: string): string {
  return parameter.replace(/^\.\.\./, '');
}

/** How the value is written that a parameter stands for: of further arguments, the first one's. */
function written(name: string, { parameters }: TemplateContext): string {
  const rest = parameters.indexOf(`...${name}`);
  return rest < 0 ? name : String(rest);
}

function isRead(name: string, placeholders: readonly string[], { parameters }: TemplateContext): boolean {
  const at = (head: string): string => bare(parameters[Math.min(Number(head), parameters.length - 1)] ?? '');
  return placeholders.some((text) => {
    const head = text.split('.')[0] as string;
    return head === name || at(head) === name;
  });
}

function wordsOf(literals: readonly string[]): Word[] {
  return literals.flatMap((literal, index) => {
    const words = [...literal.matchAll(WORD)];
    // The end of a placeholder stands before it.
    const text = index === 0 ? literal : `>${literal}`;
    return words.map(({ 0: word, index: at }, number) => ({
      text: word,
      mark: MARK.exec(text.slice(0, at + text.length - literal.length))?.[0] ?? '',
      // Where points are the separators, they are no path.
      path: literal[at - 1] === '.' ? '' : (PATH.exec(literal.slice(at + word.length))?.[0] ?? ''),
      isLabel: (number === 0 && index > 0) || (number === words.length - 1 && index < literals.length - 1),
    }));
  });
}
