import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COMPILER = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

const PREAMBLE = `
import { Readable } from 'node:stream';
import { Sse, StreamableFile } from '@nestjs/common';
import { type Observable, of } from 'rxjs';
import { Locked, Once } from 'nestjs-lock';
declare const anything: any;
export class Orders {`;

/** Wrong uses of a decorator, and what the compiler is to say about each. */
const WRONG: Record<string, string> = {
  '@Locked() async keyless(): Promise<void> {}': 'A key is required',
  "@Locked(undefined, { wait: '2s' }) async undefinedKey(): Promise<void> {}": 'A key is required',
  "@Once(undefined, { remember: '1d' }) async undefinedOnce(): Promise<void> {}": 'A key is required',
  "@Locked('a', { onBusy: 'skip' }) async skipped(): Promise<number> { return 1; }": 'resolves to undefined',
  "@Locked('a', { onBusy: 'skip' }) async skippedNull(): Promise<number | null> { return 1; }": 'resolves to undefined',
  "@Once('a', { remember: '1d' }) async done(): Promise<string> { return ''; }": 'resolves to undefined',
  '@Locked((id: number) => `a:${id}`) async otherKey(id: string): Promise<void> {}': 'function for the key',
  '@Locked((id: string, n: number) => `a:${id}:${n}`) async moreKey(id: string): Promise<void> {}':
    'function for the key',
  "@Once((id: number) => `a:${id}`, { remember: '1d' }) async otherOnce(id: string): Promise<void> {}":
    'function for the key',
  "@Locked('a', { signal: (id: number) => undefined }) async otherSignal(id: string): Promise<void> {}":
    'function for the signal',
  "@Once('a', { remember: '1d', signal: (id: number) => undefined }) async onceSignal(id: string): Promise<void> {}":
    'function for the signal',
  "@Locked('a') sync(): void {}": 'has to return a promise',
  "@Locked('a') syncValue(): number { return 1; }": 'has to return a promise',
  "@Locked('a') sometimes(): Promise<void> | undefined { return undefined; }": 'has to return a promise',
  "@Once('a', { remember: '1d' }) syncOnce(): void {}": 'has to return a promise',
  "@Locked('a') static async shared(): Promise<void> {}": 'static method',
  "@Locked('a') get accessor(): Promise<void> { return Promise.resolve(); }": 'Only methods can be locked',
  "@Locked('a') property = async (): Promise<void> => {};": 'Only methods can be locked',
  "@Locked('a') async file(): Promise<StreamableFile> { return anything; }": 'A stream is read after',
  "@Locked('a') async fileOrNone(): Promise<StreamableFile | undefined> { return anything; }": 'A stream is read after',
  "@Locked('a') async rows(): Promise<Readable> { return anything; }": 'A stream is read after',
  "@Locked('a') async nodeRows(): Promise<NodeJS.ReadableStream> { return anything; }": 'A stream is read after',
  "@Locked('a') async webRows(): Promise<ReadableStream<string>> { return anything; }": 'A stream is read after',
  "@Locked('a') async feed(): Promise<Observable<number>> { return of(1); }": 'A stream is read after',
  "@Locked('a') feedAtOnce(): Observable<number> { return of(1); }": 'A stream is read after',
  "@Sse('e') @Locked('a') async events(): Promise<Observable<{ data: string }>> { return anything; }":
    'A stream is read after',
  "@Locked('a') async *generated() { yield 1; }": 'A stream is read after',
  "@Locked('a') async iterable(): Promise<AsyncIterable<number>> { return anything; }": 'A stream is read after',
  "@Locked('a') async generator(): Promise<Generator<number>> { return anything; }": 'A stream is read after',
  "@Once('a', { remember: '1d' }) async onceRows(): Promise<Readable | undefined> { return anything; }":
    'A stream is read after',
};

const RIGHT = [
  "@Locked('a') async bytes(): Promise<Buffer> { return anything; }",
  "@Locked('a') async list(): Promise<string[]> { return []; }",
  "@Locked('a') async map(): Promise<Map<string, number>> { return anything; }",
  "@Locked('a') async record(): Promise<Record<string, any>> { return {}; }",
  "@Locked('a') async any(): Promise<any> { return 1; }",
  "@Locked('a') async unknown(): Promise<unknown> { return 1; }",
  "@Locked('a') async never(): Promise<never> { throw anything; }",
  "@Locked('a') anyAtAll(): any { return anything; }",
  "@Locked('a') async generic<T extends object>(value: T): Promise<T> { return value; }",
  "@Locked('a', { signal: (id: string) => undefined }) async signal(id: string): Promise<void> {}",
  "@Once((id: string) => id, { remember: '1d' }) async once(id: string): Promise<string | undefined> { return id; }",
];

/** What the compiler says about each member, in their order. */
function errorsOf(members: readonly string[]): string[] {
  mkdirSync(join(ROOT, 'temp'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'temp/f46-'));
  try {
    const compilerOptions = { paths: { 'nestjs-lock': ['../../lib/index.ts'] }, noEmit: true };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: [], exclude: [], files: ['case.ts'] }),
    );
    writeFileSync(join(folder, 'case.ts'), `${PREAMBLE}\n${members.join('\n')}\n}`);
    const { stdout } = spawnSync(process.execPath, [COMPILER, '--pretty', 'false', '-p', folder], { encoding: 'utf8' });
    const first = PREAMBLE.split('\n').length + 1;
    return members.map((_, index) =>
      stdout
        .split(/^(?=\S)/m)
        .filter((text) => text.includes(`case.ts(${first + index},`))
        .join(''),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What stands in quotes and has five words or more. */
const sentencesIn = (error: string): string[] =>
  [...error.matchAll(/"([^"\n]*)"/g)].map(([, text = '']) => text).filter((text) => text.split(' ').length >= 5);

describe('The compiler', () => {
  let errors: string[];
  const members = [...Object.keys(WRONG), ...RIGHT];
  beforeAll(() => {
    errors = errorsOf(members);
  });

  it.each(Object.entries(WRONG))('says why: %s', (member, why) => {
    const error = errors[members.indexOf(member)] as string;
    expect(sentencesIn(error)).toContainEqual(expect.stringContaining(why));
    expect(error).not.toContain('never');
  });

  it.each(RIGHT)('accepts: %s', (member) => {
    expect(errors[members.indexOf(member)]).toBe('');
  });
});
