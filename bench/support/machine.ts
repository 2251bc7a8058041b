import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { RedisServer } from './redis-server.js';

export interface Machine {
  date: string;
  cpu: string;
  cores: number;
  memoryGiB: number;
  system: string;
  /** What else ran: the load of the minute before. */
  load: number;
  node: string;
  redis: string;
  libraries: Record<string, string>;
}

const HERE = createRequire(import.meta.url);

/** The version of a package as it is installed; read from disk, since `exports` may hide its package.json. */
function versionOf(name: string): string {
  for (const directory of HERE.resolve.paths(name) ?? []) {
    try {
      return (
        JSON.parse(readFileSync(`${directory}/${name}/package.json`, 'utf8')) as { version: string }
      ).version.replace(/^v/, '');
    } catch {
      // Not in this one: the next, further up.
    }
  }
  throw new Error(`${name} is not installed`);
}

function dependencies(): string[] {
  const file = new URL('../../../package.json', import.meta.url);
  return Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { dependencies: object }).dependencies);
}

export async function describeMachine(): Promise<Machine> {
  await using server = await RedisServer.start();
  const info = await server.client.info('server');
  const [first] = cpus();
  return {
    date: new Date().toISOString(),
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    load: Number(loadavg()[0]?.toFixed(2)),
    node: process.version,
    redis: (/^valkey_version:(\S+)/m.exec(info) ?? /^redis_version:(\S+)/m.exec(info))?.[1] ?? 'unknown',
    libraries: Object.fromEntries(
      ['ioredis', '@nestjs/core', ...dependencies()].map((name) => [name, versionOf(name)]),
    ),
  };
}
