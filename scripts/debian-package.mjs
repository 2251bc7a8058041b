// Installs a package of Debian or Ubuntu for the tests, where this may be done.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

function isDebian() {
  return existsSync('/etc/os-release') && /\b(debian|ubuntu)\b/.test(readFileSync('/etc/os-release', 'utf8'));
}

/** How to become root, as the head of a command line; undefined when there is no way. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

/** Does nothing on another system, and without the right to. The package's own service is not started. */
export function installDebianPackage(name, service) {
  const asRoot = isDebian() ? rootPrefix() : undefined;
  if (!asRoot) return;
  const run = (...command) => {
    const [head, ...rest] = [...asRoot, ...command];
    spawnSync(head, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
  };
  // RUNLEVEL=1 keeps a service from being started by the install script.
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1'];
  console.log(`Installing the package ${name} for the tests.`);
  run(...quiet, 'apt-get', 'update');
  run(...quiet, 'apt-get', 'install', '-y', '--no-install-recommends', name);
  if (service && existsSync('/run/systemd/system')) run('systemctl', 'disable', '--now', service);
}
