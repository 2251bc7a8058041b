// The library broken on purpose: each patch in mutants/ puts a fault back, and has to be found.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { simulateMany } from './fleet.js';
import type { Options } from './options.js';
import { simulate } from './run.js';
import type { Finding } from './thread.js';

const ROOT = process.cwd();
const PATCHES = join(ROOT, 'test/simulation/mutants');
const MOST_RUNS = 20_000;

export function mutantNames(): string[] {
  return readdirSync(PATCHES)
    .filter((file) => file.endsWith('.patch'))
    .map((file) => file.slice(0, -'.patch'.length))
    .sort();
}

/** Whether all of them were found: by a run that the unbroken library passes. */
export async function hunt(options: Options, wanted: readonly string[]): Promise<boolean> {
  let all = true;
  for (const name of mutantNames()) {
    if (wanted.length > 0 && !wanted.some((each) => name.startsWith(each))) continue;
    const found = await seek(options, build(name, join(options.library, '../mutants')));
    all &&= found !== undefined;
    const text = found
      ? `found by run ${found.index + 1} (seed ${found.seed}, ${found.topology}): ${found.rules.join('; ')}: ${found.text}`
      : `NOT FOUND in ${MOST_RUNS} runs`;
    console.log(`${name}: ${text}`);
  }
  return all;
}

async function seek(
  { library, topologies, steps, seed, threads }: Options,
  broken: string,
): Promise<Finding | undefined> {
  const assignment = { runs: MOST_RUNS, library: broken, topologies, steps, seed, quiet: true };
  for (let first = 0; first < MOST_RUNS; ) {
    const { findings } = await simulateMany({ ...assignment, first }, threads, 1);
    if (findings.length === 0) return undefined;
    for (const finding of findings) {
      const { violations } = await simulate({ library, topologies, steps, seed: finding.seed });
      if (violations.length === 0) return finding;
    }
    first = Math.max(...findings.map(({ index }) => index)) + 1;
  }
  return undefined;
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
    JSON.stringify({ extends: extended, compilerOptions, include: ['lib'], exclude: [] }),
  );
  run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', '.'], folder);
  return join(folder, 'cjs');
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}
