// Lua 5.1 to JavaScript: one pass, no tree. Every Lua function becomes a JavaScript function that returns an array.
import { LuaError, LuaTable, runtime } from './runtime.js';
import { type Token, tokensOf } from './tokens.js';

/** Runs the script from the start, with these globals; returns what it returns. */
export type LuaScript = (globals: Record<string, unknown>) => unknown[];

export function compileLua(source: string): LuaScript {
  const body = new Compiler(tokensOf(source)).chunk();
  const make = new Function('R', 'LuaTable', 'LuaError', `"use strict"; return (G) => {${body}\nreturn [];};`);
  return make(runtime, LuaTable, LuaError) as LuaScript;
}

/** A piece of JavaScript. `many`: it is an array of values, of which only the first counts in most places. */
interface Code {
  readonly js: string;
  readonly many?: boolean;
  /** A JavaScript boolean already. */
  readonly boolean?: boolean;
}

const BINARY: Record<string, readonly [left: number, right: number]> = {
  or: [1, 1],
  and: [2, 2],
  '<': [3, 3],
  '>': [3, 3],
  '<=': [3, 3],
  '>=': [3, 3],
  '~=': [3, 3],
  '==': [3, 3],
  '..': [5, 4],
  '+': [6, 6],
  '-': [6, 6],
  '*': [7, 7],
  '/': [7, 7],
  '%': [7, 7],
  '^': [10, 9],
};
const UNARY = 8;
const ARITHMETIC: Record<string, string> = { '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', '%': 'mod', '^': 'pow' };
const BLOCK_ENDS = new Set(['end', 'else', 'elseif', 'until', '']);

class Compiler {
  readonly #tokens: readonly Token[];
  #at = 0;
  #names = 0;
  /** The local variables in sight, innermost last. */
  #scopes: Map<string, string>[] = [new Map()];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  chunk(): string {
    const body = this.#block();
    if (this.#token.kind !== 'end') throw this.#unexpected();
    return `const $varargs = [];${body}`;
  }

  get #token(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #is(value: string): boolean {
    const { kind } = this.#token;
    return (kind === 'keyword' || kind === 'symbol') && this.#token.value === value;
  }

  #skip(value: string): boolean {
    if (!this.#is(value)) return false;
    this.#at += 1;
    return true;
  }

  #need(value: string): void {
    if (!this.#skip(value)) throw this.#unexpected(value);
  }

  #name(): string {
    const { kind, value } = this.#token;
    if (kind !== 'name') throw this.#unexpected('a name');
    this.#at += 1;
    return value;
  }

  #unexpected(wanted = 'something else'): SyntaxError {
    const { line, value } = this.#token;
    return new SyntaxError(`user_script:${line}: "${value}" where ${wanted} was expected`);
  }

  #declare(name: string): string {
    this.#names += 1;
    const js = `${name}$${this.#names}`;
    this.#scopes.at(-1)?.set(name, js);
    return js;
  }

  #variable(name: string): string {
    for (let i = this.#scopes.length - 1; i >= 0; i -= 1) {
      const js = this.#scopes[i]?.get(name);
      if (js) return js;
    }
    return `R.global(G, ${JSON.stringify(name)})`;
  }

  #block(): string {
    this.#scopes.push(new Map());
    let js = '';
    while (!this.#endsBlock()) {
      const isLast = this.#is('return') || this.#is('break');
      js += `${this.#statement()}\n`;
      this.#skip(';');
      if (isLast) break;
    }
    this.#scopes.pop();
    return js;
  }

  #endsBlock(): boolean {
    const { kind, value } = this.#token;
    return kind === 'end' || (kind === 'keyword' && BLOCK_ENDS.has(value));
  }

  #statement(): string {
    if (this.#skip('if')) return this.#if();
    if (this.#skip('while')) {
      const condition = this.#condition();
      this.#need('do');
      return `while (${condition}) {${this.#blockToEnd()}}`;
    }
    if (this.#skip('do')) return `{${this.#blockToEnd()}}`;
    if (this.#skip('for')) return this.#for();
    if (this.#skip('repeat')) return this.#repeat();
    if (this.#skip('function')) return this.#functionStatement();
    if (this.#skip('local')) return this.#skip('function') ? this.#localFunction() : this.#local();
    if (this.#skip('return')) return this.#return();
    if (this.#skip('break')) return 'break;';
    return this.#callOrAssignment();
  }

  #blockToEnd(): string {
    const js = this.#block();
    this.#need('end');
    return js;
  }

  #if(): string {
    let js = `if (${this.#condition()}) {`;
    this.#need('then');
    js += this.#block();
    while (this.#skip('elseif')) {
      js += `} else if (${this.#condition()}) {`;
      this.#need('then');
      js += this.#block();
    }
    if (this.#skip('else')) js += `} else {${this.#block()}`;
    this.#need('end');
    return `${js}}`;
  }

  #for(): string {
    const names = [this.#name()];
    if (this.#skip('=')) return this.#numericFor(names[0] as string);
    while (this.#skip(',')) names.push(this.#name());
    this.#need('in');
    const iterator = this.#list();
    this.#need('do');
    this.#scopes.push(new Map());
    const variables = names.map((name) => this.#declare(name));
    const body = this.#blockToEnd();
    this.#scopes.pop();
    return `for (const [${variables.join(', ')}] of R.iterate(${iterator})) {${body}}`;
  }

  #numericFor(name: string): string {
    const from = this.#single();
    this.#need(',');
    const to = this.#single();
    const step = this.#skip(',') ? this.#single() : '1';
    this.#need('do');
    this.#scopes.push(new Map());
    const counter = this.#declare(name);
    const body = this.#blockToEnd();
    this.#scopes.pop();
    return `for (const ${counter} of R.range(${from}, ${to}, ${step})) {${body}}`;
  }

  #repeat(): string {
    this.#scopes.push(new Map());
    let js = '';
    while (!this.#is('until')) js += `${this.#statement()}\n`;
    this.#need('until');
    const condition = this.#condition();
    this.#scopes.pop();
    return `while (true) {${js} if (${condition}) break;}`;
  }

  #functionStatement(): string {
    const first = this.#name();
    let target = this.#variable(first);
    let key: string | undefined;
    while (this.#skip('.')) {
      if (key !== undefined) target = `R.index(${target}, ${key})`;
      key = JSON.stringify(this.#name());
    }
    const value = this.#function();
    return key === undefined ? this.#assign(first, value) : `R.setIndex(${target}, ${key}, ${value});`;
  }

  #assign(name: string, value: string): string {
    for (let i = this.#scopes.length - 1; i >= 0; i -= 1) {
      const js = this.#scopes[i]?.get(name);
      if (js) return `${js} = ${value};`;
    }
    return `R.setGlobal(${JSON.stringify(name)});`;
  }

  #localFunction(): string {
    const variable = this.#declare(this.#name());
    return `let ${variable}; ${variable} = ${this.#function()};`;
  }

  /** The values are computed before the names come into sight. */
  #local(): string {
    const names = [this.#name()];
    while (this.#skip(',')) names.push(this.#name());
    const values = this.#skip('=') ? this.#expressions() : [];
    if (names.length === 1 && values.length <= 1) {
      const value = values[0] ? single(values[0]) : 'undefined';
      return `let ${this.#declare(names[0] as string)} = ${value};`;
    }
    const list = listOf(values);
    return `let [${names.map((name) => this.#declare(name)).join(', ')}] = ${list};`;
  }

  #return(): string {
    if (this.#endsBlock() || this.#is(';')) return 'return [];';
    return `return ${this.#list()};`;
  }

  #callOrAssignment(): string {
    const first = this.#suffixed();
    if (first.call) return `${first.js};`;
    const targets = [first];
    while (this.#skip(',')) targets.push(this.#suffixed());
    this.#need('=');
    const values = this.#expressions();
    if (targets.length === 1 && values.length === 1) return first.set(single(values[0] as Code));
    this.#names += 1;
    const list = `list$${this.#names}`;
    return `{const ${list} = ${listOf(values)};${targets.map(({ set }, i) => set(`${list}[${i}]`)).join('')}}`;
  }

  #list(): string {
    return listOf(this.#expressions());
  }

  #expressions(): Code[] {
    const all = [this.#expression()];
    while (this.#skip(',')) all.push(this.#expression());
    return all;
  }

  #single(): string {
    return single(this.#expression());
  }

  #condition(): string {
    return conditionOf(this.#expression());
  }

  #expression(limit = 0): Code {
    let left = this.#unary();
    for (;;) {
      const { kind, value } = this.#token;
      const priority = kind === 'symbol' || kind === 'keyword' ? BINARY[value as string] : undefined;
      if (!priority || priority[0] <= limit) return left;
      this.#at += 1;
      left = binary(value as string, left, this.#expression(priority[1]));
    }
  }

  #unary(): Code {
    if (this.#skip('not')) return { js: `!(${conditionOf(this.#expression(UNARY))})`, boolean: true };
    if (this.#skip('-')) return { js: `R.neg(${single(this.#expression(UNARY))})` };
    if (this.#skip('#')) return { js: `R.length(${single(this.#expression(UNARY))})` };
    return this.#simple();
  }

  #simple(): Code {
    const { kind, value } = this.#token;
    if (kind === 'number' || kind === 'string') {
      this.#at += 1;
      return { js: JSON.stringify(value) };
    }
    if (this.#skip('nil')) return { js: 'undefined' };
    if (this.#skip('true')) return { js: 'true', boolean: true };
    if (this.#skip('false')) return { js: 'false', boolean: true };
    if (this.#skip('...')) return { js: '$varargs', many: true };
    if (this.#skip('function')) return { js: this.#function() };
    if (this.#is('{')) return { js: this.#table() };
    const { js, call } = this.#suffixed();
    return call ? { js, many: true } : { js };
  }

  #function(): string {
    this.#need('(');
    this.#scopes.push(new Map());
    const parameters: string[] = [];
    if (!this.#is(')')) {
      do {
        if (this.#skip('...')) {
          parameters.push('...$varargs');
          break;
        }
        parameters.push(this.#declare(this.#name()));
      } while (this.#skip(','));
    }
    this.#need(')');
    const body = this.#blockToEnd();
    this.#scopes.pop();
    return `((${parameters.join(', ')}) => {${body}return [];})`;
  }

  #table(): string {
    this.#need('{');
    const fields: string[] = [];
    const items: Code[] = [];
    while (!this.#is('}')) {
      if (this.#skip('[')) {
        const key = this.#single();
        this.#need(']');
        this.#need('=');
        fields.push(`[${key}, ${this.#single()}]`);
      } else if (this.#token.kind === 'name' && this.#tokens[this.#at + 1]?.value === '=') {
        const key = JSON.stringify(this.#name());
        this.#need('=');
        fields.push(`[${key}, ${this.#single()}]`);
      } else items.push(this.#expression());
      if (!this.#skip(',') && !this.#skip(';')) break;
    }
    this.#need('}');
    return `LuaTable.of(${listOf(items)}, [${fields.join(', ')}])`;
  }

  /** A name or an expression in parentheses, with what is indexed in it or called. */
  #suffixed(): { js: string; call: boolean; set(value: string): string } {
    let js: string;
    let set: (value: string) => string;
    let call = false;
    if (this.#skip('(')) {
      js = `(${this.#single()})`;
      this.#need(')');
      set = () => {
        throw this.#unexpected();
      };
    } else {
      const { line } = this.#token;
      const name = this.#name();
      js = name === 'error' ? `R.errorAt(${line})` : this.#variable(name);
      set = (value) => this.#assign(name, value);
    }
    for (;;) {
      const object = call ? `${js}[0]` : js;
      if (this.#is('.') || this.#is('[')) {
        const key = this.#key();
        set = (value) => `R.setIndex(${object}, ${key}, ${value});`;
        js = `R.index(${object}, ${key})`;
        call = false;
      } else if (this.#skip(':')) {
        const method = JSON.stringify(this.#name());
        js = `R.method(${object}, ${method}, ${this.#arguments()})`;
        call = true;
      } else if (this.#is('(') || this.#is('{') || this.#token.kind === 'string') {
        js = `R.fn(${object})(${this.#arguments()})`;
        call = true;
      } else return { js, call, set };
    }
  }

  /** `.name` or `[expression]`. */
  #key(): string {
    if (this.#skip('.')) return JSON.stringify(this.#name());
    this.#need('[');
    const key = this.#single();
    this.#need(']');
    return key;
  }

  #arguments(): string {
    const { kind, value } = this.#token;
    if (kind === 'string') {
      this.#at += 1;
      return JSON.stringify(value);
    }
    if (this.#is('{')) return this.#table();
    this.#need('(');
    if (this.#skip(')')) return '';
    const list = itemsOf(this.#expressions());
    this.#need(')');
    return list;
  }
}

function single({ js, many }: Code): string {
  return many ? `${js}[0]` : js;
}

function conditionOf(code: Code): string {
  return code.boolean ? code.js : `R.truthy(${single(code)})`;
}

/** Of the last expression all values count. */
function itemsOf(codes: readonly Code[]): string {
  return codes.map((code, i) => (code.many && i === codes.length - 1 ? `...${code.js}` : single(code))).join(', ');
}

function listOf(codes: readonly Code[]): string {
  const [first] = codes;
  return codes.length === 1 && first?.many ? first.js : `[${itemsOf(codes)}]`;
}

function binary(operator: string, left: Code, right: Code): Code {
  const [a, b] = [single(left), single(right)];
  switch (operator) {
    case 'and':
      if (left.boolean && right.boolean) return { js: `(${a} && ${b})`, boolean: true };
      return { js: `R.and(${a}, () => ${b})` };
    case 'or':
      if (left.boolean && right.boolean) return { js: `(${a} || ${b})`, boolean: true };
      return { js: `R.or(${a}, () => ${b})` };
    case '==':
      return { js: `(${a} === ${b})`, boolean: true };
    case '~=':
      return { js: `(${a} !== ${b})`, boolean: true };
    case '<':
      return { js: `R.less(${a}, ${b})`, boolean: true };
    case '>':
      return { js: `R.more(${a}, ${b})`, boolean: true };
    case '<=':
      return { js: `!R.more(${a}, ${b})`, boolean: true };
    case '>=':
      return { js: `!R.less(${a}, ${b})`, boolean: true };
    case '..':
      return { js: `R.concat(${a}, ${b})` };
    default:
      return { js: `R.${ARITHMETIC[operator]}(${a}, ${b})` };
  }
}
