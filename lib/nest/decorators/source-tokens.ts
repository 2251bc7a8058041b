/** A piece of JavaScript between white space and comments. */
export interface Token {
  /** `name`: identifiers and keywords. `value`: strings, numbers, templates, regular expressions. */
  readonly kind: 'name' | 'value' | 'punctuator';
  readonly text: string;
}

/** There is a place in the source of which only a whole parser knows how it is read. */
export class UnreadableSource extends Error {}

const SPACE = /(?:\s|\/\/[^\n\r\u2028\u2029]*|\/\*[\s\S]*?\*\/)*/y;
const NEWLINE = /[\n\r\u2028\u2029]/;
const NAME = /#?(?:[\p{ID_Start}$_]|\\u(?:\{\w+\}|\w{4}))(?:[\p{ID_Continue}$\u200c\u200d]|\\u(?:\{\w+\}|\w{4}))*/uy;
const NUMBER = /0[xX]\w*|\.?\d(?:[\w.]|(?<=[eE])[+-])*/y;
const STRING = /'(?:\\(?:\r\n|[\s\S])|[^'\\\n\r])*'|"(?:\\(?:\r\n|[\s\S])|[^"\\\n\r])*"/y;
const REGULAR_EXPRESSION = /\/(?:\\.|\[(?:\\.|[^\]\\\n\r])*\]|[^/\\[\n\r])+\/[\p{ID_Continue}$]*/uy;
const PUNCTUATOR = /=>|\.\.\.|\?\.|\+\+|--|./suy;

const CLOSING = new Map([
  ['(', ')'],
  ['[', ']'],
  ['{', '}'],
]);
const OPERATORS = new Set('return typeof instanceof in new delete void throw case do else extends'.split(' '));
/** Operators in some places and names in others. */
const AMBIGUOUS = new Set(['await', 'yield', 'of']);
/** Behind the brackets of these a statement begins. */
const STATEMENTS = new Set(['if', 'while', 'for', 'with']);

/** What a slash is at some place; unknown where it depends on what only a whole parser knows. */
type Slash = 'division' | 'expression' | 'unknown';

/** Reads the tokens of a source one by one. Throws `UnreadableSource` rather than take one for another. */
export class SourceTokens {
  readonly #source: string;
  #at: number;
  #previous = '';
  #slash: Slash = 'expression';
  /** The brackets that are open: what closes each, and what a slash is then. */
  readonly #open: { readonly closing: string; readonly slash: Slash }[] = [];

  /** With `closing`, begins behind an open bracket. */
  constructor(source: string, at = 0, closing?: string) {
    this.#source = source;
    this.#at = at;
    if (closing !== undefined) this.#open.push({ closing, slash: 'division' });
  }

  /** How many brackets are open. */
  get depth(): number {
    return this.#open.length;
  }

  next(): Token {
    const afterNewline = NEWLINE.test(this.#take(SPACE) ?? '');
    if (this.#startsWith('<!--') || (afterNewline && this.#startsWith('-->'))) throw new UnreadableSource();
    const token = this.#takeToken();
    const isProperty = token.kind === 'name' && ['.', '?.'].includes(this.#previous);
    this.#slash = this.#slashBehind(token, isProperty, afterNewline);
    this.#previous = isProperty ? '' : token.text;
    return token;
  }

  /** Goes on to where only so many brackets are open. */
  skipTo(depth: number): void {
    while (this.depth > depth) this.next();
  }

  #takeToken(): Token {
    const char = this.#source.charAt(this.#at);
    if (char === '/' && this.#slash !== 'division') return { kind: 'value', text: this.#takeRegularExpression() };
    if (char === '`') return { kind: 'value', text: this.#takeTemplate() };
    const value = this.#take(STRING) ?? this.#take(NUMBER);
    if (value !== undefined) return { kind: 'value', text: value };
    const name = this.#take(NAME);
    if (name !== undefined) return { kind: 'name', text: name };
    const text = this.#take(PUNCTUATOR);
    if (text === undefined || text === '"' || text === "'") throw new UnreadableSource();
    return { kind: 'punctuator', text };
  }

  #takeRegularExpression(): string {
    const text = this.#slash === 'expression' ? this.#take(REGULAR_EXPRESSION) : undefined;
    if (text === undefined) throw new UnreadableSource();
    return text;
  }

  #takeTemplate(): string {
    const start = this.#at;
    this.#at += 1;
    while (!this.#startsWith('`')) {
      if (this.#at >= this.#source.length) throw new UnreadableSource();
      if (this.#startsWith('${')) {
        const substitution = new SourceTokens(this.#source, this.#at + 2, '}');
        substitution.skipTo(0);
        this.#at = substitution.#at;
      } else {
        this.#at += this.#startsWith('\\') ? 2 : 1;
      }
    }
    this.#at += 1;
    return this.#source.slice(start, this.#at);
  }

  #slashBehind(token: Token, isProperty: boolean, afterNewline: boolean): Slash {
    if (token.kind === 'value' || isProperty) return 'division';
    if (token.kind === 'punctuator') return this.#slashBehindPunctuator(token.text, afterNewline);
    if (AMBIGUOUS.has(token.text)) return 'unknown';
    return OPERATORS.has(token.text) ? 'expression' : 'division';
  }

  #slashBehindPunctuator(text: string, afterNewline: boolean): Slash {
    const closing = CLOSING.get(text);
    if (closing !== undefined) {
      this.#open.push({ closing, slash: this.#slashBehindGroup(text) });
      return 'expression';
    }
    if (text === ')' || text === ']' || text === '}') {
      const group = this.#open.pop();
      if (group?.closing !== text) throw new UnreadableSource();
      return group.slash;
    }
    if (text !== '++' && text !== '--') return 'expression';
    // Behind an operand it belongs to that, otherwise to what comes.
    return this.#slash === 'division' && !afterNewline ? 'division' : 'unknown';
  }

  /** For the group that this bracket opens. */
  #slashBehindGroup(opening: string): Slash {
    // The end of a block or that of an object.
    if (opening === '{') return 'unknown';
    if (opening === '[') return 'division';
    if (this.#previous === 'await') return 'unknown';
    return STATEMENTS.has(this.#previous) ? 'expression' : 'division';
  }

  #startsWith(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [text] = pattern.exec(this.#source) ?? [];
    this.#at += text?.length ?? 0;
    return text;
  }
}
