// Installs what the tests with real frameworks need, where it is not installed yet: the folders have lock files of their
// own, so that `npm ci` of the root stays quick.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const frameworks = fileURLToPath(new URL('../test/frameworks/', import.meta.url));
const exec = promisify(execFile);

async function ensure(folder) {
  const lock = createHash('sha256')
    .update(readFileSync(`${folder}package-lock.json`))
    .digest('hex');
  const mark = `${folder}node_modules/.installed`;
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  await exec('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
  writeFileSync(mark, lock);
}

try {
  await Promise.all(['', 'nest10/', 'nest11/'].map((folder) => ensure(frameworks + folder)));
} catch (error) {
  console.error(`The frameworks that the tests need could not be installed:\n${error.stderr || error.message}`);
  process.exitCode = 1;
}
