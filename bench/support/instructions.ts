import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisServer } from './redis-server.js';

export function hasValgrind(): boolean {
  return spawnSync('valgrind', ['--version']).status === 0;
}

/** How many instructions a Redis server runs from its start to its end, while `use` uses it. */
export async function instructionsOf(use: (url: string) => Promise<void>): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'nestjs-lock-callgrind-'));
  const counts = join(directory, 'counts');
  try {
    const under = ['valgrind', '--quiet', '--tool=callgrind', `--callgrind-out-file=${counts}`];
    const server = await RedisServer.start(under);
    try {
      await use(server.url);
    } finally {
      await server.stop('SIGTERM');
    }
    return Number(/^totals: (\d+)/m.exec(readFileSync(counts, 'utf8'))?.[1]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
