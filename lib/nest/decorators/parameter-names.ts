import { SourceTokens, type Token, UnreadableSource } from './source-tokens.js';

/**
 * The names of a function's parameters, read from its source: `''` for a pattern, `...name` for a rest, `...` for a rest
 * that is a pattern. Undefined where the source is not to be seen (native and bound functions, proxies, classes), and
 * where it cannot be read with certainty, as `SourceTokens` says.
 */
export function parameterNames(fn: (...args: never[]) => unknown): string[] | undefined {
  const source = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) return undefined;
  try {
    // Of two parameters of one name the last has it.
    return namesIn(source).map((name, index, all) => (all.lastIndexOf(name) > index ? '' : name));
  } catch (error) {
    if (error instanceof UnreadableSource) return undefined;
    throw error;
  }
}

function namesIn(source: string): string[] {
  const tokens = new SourceTokens(source);
  let before: Token | undefined;
  for (;;) {
    const token = tokens.next();
    if (token.text === '(') return namesInList(tokens);
    if (token.text === '=>' && before) return [nameOf(before)];
    if (before?.text === 'class') throw new UnreadableSource();
    // A computed name of a method.
    if (token.text === '[') tokens.skipTo(0);
    else if (token.kind === 'punctuator' && token.text !== '*') throw new UnreadableSource();
    before = token;
  }
}

function namesInList(tokens: SourceTokens): string[] {
  const names: string[] = [];
  for (let token = tokens.next(); tokens.depth > 0; token = tokens.next()) {
    const isRest = token.text === '...';
    const name = bindingName(isRest ? tokens.next() : token, tokens);
    names.push(isRest ? `...${name}` : name);
    if (!skipDefault(tokens)) break;
  }
  return names;
}

function bindingName(token: Token, tokens: SourceTokens): string {
  if (token.kind === 'name') return nameOf(token);
  if (token.text !== '[' && token.text !== '{') throw new UnreadableSource();
  tokens.skipTo(1);
  return '';
}

/** As it is written; of one with escapes it is not known how it is meant. */
function nameOf({ text }: Token): string {
  return text.includes('\\') ? '' : text;
}

/** Goes on behind the comma that ends the parameter. False: it was the last one. */
function skipDefault(tokens: SourceTokens): boolean {
  let token = tokens.next();
  if (![',', ')', '='].includes(token.text)) throw new UnreadableSource();
  while (tokens.depth > 0 && !(tokens.depth === 1 && token.text === ',')) token = tokens.next();
  return tokens.depth > 0;
}
