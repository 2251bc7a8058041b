// Makes sure that the tests have a Redis server to spawn. `npm test` runs it first; on Debian and Ubuntu it installs one.
import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { installDebianPackage } from './debian-package.mjs';

const OLDEST = { Redis: [7, 0], Valkey: [7, 2] };
const REMEDY =
  'Install Redis >= 7.0 or Valkey >= 7.2 (its server binary on the PATH), or set REDIS_SERVER_BIN to the path of redis-server or valkey-server.';

/** The server at `bin` as `{ bin, version, recent }`, or undefined when it does not run. */
function probe(bin) {
  const { stdout } = spawnSync(bin, ['--version'], { encoding: 'utf8' });
  const found = /v=(\d+)\.(\d+)\S*/.exec(stdout ?? '');
  if (!found) return undefined;
  const product = /valkey/i.test(bin + stdout) ? 'Valkey' : 'Redis';
  const [major, minor] = OLDEST[product];
  const recent = Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor);
  return { bin, version: `${product} ${found[0].slice(2)}`, recent };
}

/** The servers that REDIS_SERVER_BIN, or else the PATH, offers. */
function findServers() {
  const chosen = process.env.REDIS_SERVER_BIN;
  return (chosen ? [chosen] : ['redis-server', 'valkey-server']).map(probe).filter((server) => server !== undefined);
}

/** The path of a server binary that is recent enough; throws one sentence that says what to install. */
export function findRedisServer() {
  const servers = findServers();
  const usable = servers.find((server) => server.recent);
  if (usable) return usable.bin;
  const chosen = process.env.REDIS_SERVER_BIN;
  if (servers.length > 0)
    throw new Error(`${servers.map((server) => server.version).join(', ')} is too old. ${REMEDY}`);
  throw new Error(`${chosen ? `REDIS_SERVER_BIN=${chosen} is no Redis server` : 'No Redis server found'}. ${REMEDY}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (findServers().length === 0 && !process.env.REDIS_SERVER_BIN) installDebianPackage('redis-server', 'redis-server');
  try {
    findRedisServer();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
