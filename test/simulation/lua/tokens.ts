// The words of Lua 5.1, as far as a script of Redis uses them.

export type Token =
  | { readonly kind: 'name' | 'keyword' | 'symbol'; readonly value: string; readonly line: number }
  | { readonly kind: 'string'; readonly value: string; readonly line: number }
  | { readonly kind: 'number'; readonly value: number; readonly line: number }
  | { readonly kind: 'end'; readonly value: ''; readonly line: number };

const KEYWORDS = new Set(
  'and break do else elseif end false for function if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
);
const SKIPPED = /\s+|--\[(=*)\[[\s\S]*?\]\1\]|--[^\n]*/y;
const NAME = /[A-Za-z_]\w*/y;
const NUMBER = /0[xX][\da-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y;
const SYMBOL = /\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.]/y;
const LONG_STRING = /\[(=*)\[\n?([\s\S]*?)\]\1\]/y;
const ESCAPES: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '\n',
};

export function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (!found) return undefined;
    at += found[0].length;
    line += found[0].split('\n').length - 1;
    return found;
  };
  while (true) {
    while (take(SKIPPED));
    if (at >= source.length) break;
    const name = take(NAME);
    if (name) {
      tokens.push({ kind: KEYWORDS.has(name[0]) ? 'keyword' : 'name', value: name[0], line });
      continue;
    }
    const number = take(NUMBER);
    if (number) {
      tokens.push({ kind: 'number', value: Number(number[0]), line });
      continue;
    }
    const quote = source[at];
    if (quote === '"' || quote === "'") {
      const [value, end] = quoted(source, at, line);
      tokens.push({ kind: 'string', value, line });
      at = end;
      continue;
    }
    const long = take(LONG_STRING);
    if (long) {
      tokens.push({ kind: 'string', value: long[2] as string, line });
      continue;
    }
    const symbol = take(SYMBOL);
    if (!symbol) throw new SyntaxError(`user_script:${line}: unexpected "${quote}"`);
    tokens.push({ kind: 'symbol', value: symbol[0], line });
  }
  tokens.push({ kind: 'end', value: '', line });
  return tokens;
}

/** The string that begins with the quote at `start`, and where it ends. */
function quoted(source: string, start: number, line: number): [value: string, end: number] {
  const quote = source[start];
  let value = '';
  for (let at = start + 1; at < source.length; at += 1) {
    const character = source[at] as string;
    if (character === quote) return [value, at + 1];
    if (character === '\n') break;
    if (character !== '\\') {
      value += character;
      continue;
    }
    const digits = /^\d{1,3}/.exec(source.slice(at + 1, at + 4))?.[0];
    if (digits) {
      value += String.fromCharCode(Number(digits));
      at += digits.length;
    } else {
      const escaped = source[at + 1] as string;
      value += ESCAPES[escaped] ?? escaped;
      at += 1;
    }
  }
  throw new SyntaxError(`user_script:${line}: unfinished string`);
}
