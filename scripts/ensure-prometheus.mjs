// Makes sure that the tests have a Prometheus to spawn, and promtool. `npm test` runs it; on Debian and Ubuntu it installs
// them.
import { spawnSync } from 'node:child_process';
import { installDebianPackage } from './debian-package.mjs';

const isInstalled = () => ['prometheus', 'promtool'].every((program) => spawnSync(program, ['--version']).status === 0);

if (!isInstalled()) installDebianPackage('prometheus', 'prometheus');
if (!isInstalled()) {
  console.error(
    'No Prometheus found. Install it (https://prometheus.io/download), with prometheus and promtool on the PATH.',
  );
  process.exit(1);
}
