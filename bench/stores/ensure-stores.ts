import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../../../', import.meta.url);
const ENSURE_REDIS = new URL('scripts/ensure-redis.mjs', ROOT);

const ZOOKEEPER_JAR = '/usr/share/java/zookeeper.jar';
const REMEDY =
  'Install etcd, Java and ZooKeeper (on Debian and Ubuntu: apt-get install etcd-server default-jre-headless zookeeper), or set ETCD_BIN and ZOOKEEPER_JAR to where they are.';

/** What the servers are started from, and their versions for the report. */
export interface Stores {
  readonly redis: string;
  readonly etcd: string;
  readonly zookeeperJar: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Finds the three stores; on Debian and Ubuntu it installs those that are missing. */
export async function ensureStores(): Promise<Stores> {
  ensureRedis();
  const { findRedisServer } = (await import(ENSURE_REDIS.href)) as { findRedisServer: () => string };
  installMissing();
  const stillMissing = missingPackages();
  if (stillMissing.length > 0) throw new Error(`Not found: ${stillMissing.join(', ')}. ${REMEDY}`);
  const redis = findRedisServer();
  const versions = {
    redis: firstMatch(output(redis, '--version'), /v=(\S+)/),
    etcd: firstMatch(output(etcdBin(), '--version'), /etcd Version: (\S+)/),
    zookeeper: firstMatch(output('java', '-cp', zookeeperJar(), 'org.apache.zookeeper.Version'), /^(\d[\d.]*\d)/),
    java: firstMatch(output('java', '-version'), /version "([^"]+)"/),
  };
  return { redis, etcd: etcdBin(), zookeeperJar: zookeeperJar(), versions };
}

function ensureRedis(): void {
  const { status } = spawnSync(process.execPath, [fileURLToPath(ENSURE_REDIS)], { stdio: 'inherit' });
  if (status !== 0) throw new Error('The Redis contestants need a Redis server.');
}

const etcdBin = (): string => process.env.ETCD_BIN ?? 'etcd';
const zookeeperJar = (): string => process.env.ZOOKEEPER_JAR ?? ZOOKEEPER_JAR;

function missingPackages(): string[] {
  const missing = [];
  if (!/etcd Version/.test(output(etcdBin(), '--version'))) missing.push('etcd-server');
  if (!/version/.test(output('java', '-version'))) missing.push('default-jre-headless');
  if (!existsSync(zookeeperJar())) missing.push('zookeeper');
  return missing;
}

function installMissing(): void {
  const missing = missingPackages();
  const asRoot = rootPrefix();
  if (missing.length === 0 || asRoot === undefined || !isDebian()) return;
  const run = (...command: string[]): void => {
    const [head = '', ...rest] = [...asRoot, ...command];
    spawnSync(head, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
  };
  // RUNLEVEL=1 keeps the packages' own services from being started by their install scripts.
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1'];
  console.log(`Installing for the benchmark: ${missing.join(', ')}.`);
  run(...quiet, 'apt-get', 'update');
  run(...quiet, 'apt-get', 'install', '-y', '--no-install-recommends', ...missing);
  if (existsSync('/run/systemd/system') && missing.includes('etcd-server')) {
    run('systemctl', 'disable', '--now', 'etcd');
  }
}

function isDebian(): boolean {
  return existsSync('/etc/os-release') && /\b(debian|ubuntu)\b/.test(readFileSync('/etc/os-release', 'utf8'));
}

/** How to become root, as the head of a command line; undefined when there is no way. */
function rootPrefix(): string[] | undefined {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined;
}

function output(command: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`;
}

function firstMatch(text: string, pattern: RegExp): string {
  return pattern.exec(text)?.[1] ?? 'unknown';
}
