// Builds the simulation and the package that it runs into a folder of their own, and runs it with the arguments given:
// several may run side by side, also while the sources change.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const parent = join(root, 'test/simulation/dist');
mkdirSync(parent, { recursive: true });
const folder = mkdtempSync(join(parent, 'run-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const library = join(folder, 'library');
const tsc = join(root, 'node_modules/.bin/tsc');
for (const args of [
  ['-p', 'test/simulation', '--outDir', folder],
  ['-p', 'test/simulation/tsconfig.lib.json', '--outDir', library],
]) {
  const built = spawnSync(tsc, args, { cwd: root, stdio: 'inherit' });
  if (built.status !== 0) process.exit(built.status ?? 1);
}

const main = join(folder, 'test/simulation/main.js');
const args = ['--enable-source-maps', main, '--library', library, ...process.argv.slice(2)];
const simulation = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => simulation.kill(signal));
simulation.once('exit', (code) => process.exit(code ?? 1));
