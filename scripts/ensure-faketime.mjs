// Makes sure that the servers of `npm run test:faults` can be given a wrong clock: installs libfaketime on Debian and
// Ubuntu. Where it cannot be had, that fault is reported as not available.
import { existsSync, readdirSync } from 'node:fs';
import { installDebianPackage } from './debian-package.mjs';

const isInstalled = () =>
  ['/usr/lib', '/usr/lib64', '/usr/local/lib']
    .filter(existsSync)
    .flatMap((folder) => [folder, ...readdirSync(folder).map((entry) => `${folder}/${entry}`)])
    .some((folder) => existsSync(`${folder}/faketime/libfaketime.so.1`));

if (!isInstalled()) installDebianPackage('faketime');
