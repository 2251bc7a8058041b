const OPENING = '([{';
const CLOSING = ')]}';
const TEXT = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/y;
const REGULAR_EXPRESSION = /\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\/[a-z]*/y;
/** After one of these (or at the start) a slash begins a regular expression; after anything else it divides. */
const OPERATOR = /(?:^|[=(,[:?{}&|!+\-*%~^<>;])\s*$/;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/**
 * The names of a function's parameters, read from its source: `''` for a pattern, `...name` for a rest. Undefined where
 * the source is not to be seen (native or bound functions, proxies).
 */
export function parameterNames(fn: (...args: never[]) => unknown): string[] | undefined {
  const source = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) return undefined;
  const list = parameterList(withoutOpaque(source));
  return splitAtTop(list).map(nameOf);
}

/** What stands between the brackets of the parameters, or the one parameter of `x => …`. */
function parameterList(source: string): string {
  const [, single] = /^(?:async\s+)?([\p{ID_Start}$_][\p{ID_Continue}$]*)\s*=>/u.exec(source.trim()) ?? [];
  if (single !== undefined) return single;
  const start = openingBracket(source);
  return source.slice(start + 1, endOfGroup(source, start));
}

/** The bracket before the parameters; a computed method name, `[Symbol.iterator](…)`, comes first. */
function openingBracket(source: string): number {
  const first = source.search(/[([]/);
  return source[first] === '[' ? source.indexOf('(', endOfGroup(source, first)) : first;
}

function endOfGroup(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at += 1) {
    const char = source.charAt(at);
    if (OPENING.includes(char)) depth += 1;
    else if (CLOSING.includes(char)) depth -= 1;
    if (depth === 0) return at;
  }
  return source.length;
}

function splitAtTop(list: string): string[] {
  const parts: string[] = [];
  let rest = list;
  while (rest.trim() !== '') {
    const end = endOfPart(rest);
    parts.push(rest.slice(0, end).trim());
    rest = rest.slice(end + 1);
  }
  return parts;
}

function endOfPart(list: string): number {
  for (let at = 0; at < list.length; at += 1) {
    const char = list.charAt(at);
    if (char === ',') return at;
    if (OPENING.includes(char)) at = endOfGroup(list, at);
  }
  return list.length;
}

function nameOf(parameter: string): string {
  if (parameter.startsWith('...')) return parameter.replace(/\s/g, '');
  const [name = ''] = parameter.split('=');
  return IDENTIFIER.test(name.trim()) ? name.trim() : '';
}

/** The source without what may contain commas and brackets that mean nothing; a value stays a value, as `0`. */
function withoutOpaque(source: string): string {
  let seen = '';
  for (let at = 0; at < source.length; ) {
    const comment = endOfComment(source, at);
    const value = comment > at ? at : endOfValue(source, at, seen);
    if (comment > at) seen += ' ';
    else seen += value > at ? '0' : source.charAt(at);
    at = Math.max(comment, value, at + 1);
  }
  return seen;
}

/** Where the comment that begins at `at` ends; `at` where none does. */
function endOfComment(source: string, at: number): number {
  const closing = source.startsWith('/*', at) ? '*/' : source.startsWith('//', at) ? '\n' : undefined;
  if (closing === undefined) return at;
  const end = source.indexOf(closing, at + 2);
  return end < 0 ? source.length : end + closing.length;
}

/** The same for a text, a template, a regular expression. */
function endOfValue(source: string, at: number, seen: string): number {
  const char = source.charAt(at);
  if (char === '`') return endOfTemplate(source, at);
  if (char === '/' && OPERATOR.test(seen)) return endOfMatch(REGULAR_EXPRESSION, source, at);
  return char === "'" || char === '"' ? endOfMatch(TEXT, source, at) : at;
}

function endOfMatch(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(source) ? pattern.lastIndex : at;
}

function endOfTemplate(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at += 1) {
    const char = source.charAt(at);
    if (char === '`') return at + 1;
    if (char === '\\') at += 1;
    else if (source.startsWith('${', at)) at = endOfSubstitution(source, at + 1);
  }
  return source.length;
}

/** The closing brace of `${…}`, whose own texts and templates may contain braces. */
function endOfSubstitution(source: string, start: number): number {
  let depth = 0;
  for (let at = start; at < source.length; at += 1) {
    const char = source.charAt(at);
    if (char === '{') depth += 1;
    else if (char === '}') depth -= 1;
    if (depth === 0) return at;
    const end = Math.max(endOfComment(source, at), endOfValue(source, at, source.slice(start, at)));
    if (end > at) at = end - 1;
  }
  return source.length;
}
