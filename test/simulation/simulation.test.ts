import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

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
});
