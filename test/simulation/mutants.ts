// The library broken on purpose: each patch in mutants/ puts a fault back, and has to be found.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { simulateMany } from './fleet.js';
import type { Options } from './options.js';

const ROOT = process.cwd();
const PATCHES = join(ROOT, 'test/simulation/mutants');
const MOST_RUNS = 20_000;

export function mutantNames(): string[] {
  return readdirSync(PATCHES)
    .filter((file) => file.endsWith('.patch'))
    .map((file) => file.slice(0, -'.patch'.length))
    .sort();
}

/** Whether all of them were found. */
export async function hunt(options: Options, wanted: readonly string[]): Promise<boolean> {
  let all = true;
  for (const name of mutantNames()) {
    if (wanted.length > 0 && !wanted.some((each) => name.startsWith(each))) continue;
    const library = build(name, join(options.library, '../mutants'));
    const { topologies, steps, seed, threads } = options;
    const runs = Math.max(options.runs, MOST_RUNS);
    const { findings, runs: done } = await simulateMany({ runs, library, topologies, steps, seed }, threads, 1);
    const [found] = findings;
    all &&= found !== undefined;
    const text = found
      ? `found by run ${found.index + 1} (seed ${found.seed}, ${found.topology}): ${found.rules.join('; ')}: ${found.text}`
      : `NOT FOUND in ${done} runs`;
    console.log(`${name}: ${text}`);
  }
  return all;
}

/** The package with the patch, compiled into a folder of its own; returns where. */
export function build(name: string, parent: string): string {
  const folder = join(parent, name);
  mkdirSync(folder, { recursive: true });
  for (const part of ['lib', 'scripts']) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  run('git', ['apply', `--directory=${relative(ROOT, folder)}`, join(PATCHES, `${name}.patch`)], ROOT);
  run(process.execPath, ['scripts/embed-lua.mjs'], folder);
  const compilerOptions = { rootDir: 'lib', outDir: 'cjs' };
  const extended = relative(folder, join(ROOT, 'test/simulation/tsconfig.lib.json'));
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: extended, compilerOptions, include: ['lib'] }),
  );
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], folder);
  return join(folder, 'cjs');
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}
