import { once } from 'node:events';
import { bundle } from './bundle.js';
import { spawnOwned } from './processes.js';

export interface ProgramEnd {
  /** Null when it did not end by itself in time. */
  code: number | null;
  /** What it wrote to standard output, in lines of JSON. */
  lines: unknown[];
  /** What it wrote to standard error. */
  errors: string;
}

export interface ProgramOptions {
  /** Where the program lies. Default: `traps`. */
  of?: 'traps' | 'field';
  /** Options of Node. */
  flags?: string[];
  /** After so many ms it is killed. */
  patience?: number;
}

/** Runs a program of `test/traps/programs` or `test/field/programs` until it ends by itself, or is killed because it does not. */
export async function runProgram(
  name: string,
  args: Record<string, string | number>,
  { of = 'traps', flags = [], patience = 15_000 }: ProgramOptions = {},
): Promise<ProgramEnd> {
  const path = await bundle(`../${of}/programs/${name}.ts`);
  const child = spawnOwned(process.execPath, ['--enable-source-maps', ...flags, path, JSON.stringify(args)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), patience);
  let output = '';
  let errors = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  const lines = output.split('\n').filter((line) => line !== '');
  return { code, lines: lines.map((line) => JSON.parse(line) as unknown), errors };
}
