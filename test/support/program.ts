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

const PATIENCE_MS = 15_000;

/** Runs a program of `test/traps/programs` until it ends by itself, or is killed because it does not. */
export async function runProgram(name: string, args: Record<string, string | number>): Promise<ProgramEnd> {
  const path = await bundle(`../traps/programs/${name}.ts`);
  const child = spawnOwned(process.execPath, ['--enable-source-maps', path, JSON.stringify(args)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
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
