// Makes sure that the servers of `npm run test:faults` can be given a wrong clock: installs libfaketime on Debian and
// Ubuntu. Where it cannot be had, that fault is reported as not available.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const isInstalled = () =>
  ['/usr/lib', '/usr/lib64', '/usr/local/lib']
    .filter(existsSync)
    .flatMap((folder) => [folder, ...readdirSync(folder).map((entry) => `${folder}/${entry}`)])
    .some((folder) => existsSync(`${folder}/faketime/libfaketime.so.1`));

const hasApt = () => spawnSync('apt-get', ['--version']).status === 0;

if (!isInstalled() && hasApt()) {
  console.log('No libfaketime found: installing the package faketime for the tests.');
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', 'faketime']]) {
    const [head, ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...words];
    spawnSync(head, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
}
