import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MUTANTS = 'test/simulation/mutants';
const PATCHES = readdirSync(`${ROOT}${MUTANTS}`).map((file) => `${MUTANTS}/${file}`);
const PROGRAM = fileURLToPath(new URL('../../scripts/simulate.mjs', import.meta.url));
const TIMEOUT_MS = 300_000;

/** What `npm run simulate` prints. */
function simulate(...args: string[]): Promise<{ output: string; code: number | null }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve) => void child.once('close', (code) => resolve({ output, code })));
}

describe('the simulation', () => {
  it('plays the same run again for the same seed, event by event', { timeout: TIMEOUT_MS }, async () => {
    const [one, other] = [await simulate('--seed', '7.3', '--trace'), await simulate('--seed', '7.3', '--trace')];
    expect(one.output.split('\n').length).toBeGreaterThan(1_000);
    expect(other.output.split('\n')).toEqual(one.output.split('\n'));
  });

  it('plays it the same whatever has run before it, and beside it', { timeout: TIMEOUT_MS }, async () => {
    const digests = async (threads: string): Promise<string[]> =>
      (await simulate('--runs', '8', '--seed', '7', '--threads', threads, '--digests')).output.match(
        /^[0-9a-f]{16}$/gm,
      ) ?? [];
    const inARow = await digests('1');
    expect(inARow).toHaveLength(8);
    expect(await digests('3')).toEqual(inARow);
  });

  it('finds nothing in the library, and what is put back into it', { timeout: TIMEOUT_MS }, async () => {
    const whole = await simulate('--runs', '20', '--seed', '7');
    expect(whole.output).toContain('20 passed, 0 failed');
    const broken = await simulate('--mutants', 'held-ignores-the-deadline', '--seed', '7');
    expect(broken).toEqual({ output: expect.stringContaining('held-ignores-the-deadline: found by run'), code: 0 });
  });

  it.each(PATCHES)('can put back what %s has', (patch) => {
    const { status, stderr } = spawnSync('git', ['apply', '--check', patch], { cwd: ROOT, encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
