// Builds the fault harness into a folder of its own, and runs it with the arguments given: several may run side by side,
// also while the sources change.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const parent = join(root, 'test/faults/dist');
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, 'run-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const tsc = join(root, 'node_modules/.bin/tsc');
const built = spawnSync(tsc, ['-p', 'test/faults', '--outDir', folder], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(built.status ?? 1);

const main = join(folder, 'test/faults/main.js');
const harness = spawn(process.execPath, ['--enable-source-maps', main, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => harness.kill(signal));
harness.once('exit', (code) => process.exit(code ?? 1));
