import { type ChildProcess, fork, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const children = new Set<ChildProcess>();
const directories = new Set<string>();

// The last resort, for what ends the process without `endOwned`.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  removeDirectories();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void endOwned().finally(() => process.exit(1)));
}

/** Whatever ends the benchmark, nothing of it stays behind: not a process, not a file. */
export async function endOwned(): Promise<void> {
  // Until they are gone: a server that is still dying writes into the directory that is being removed.
  await Promise.all([...children].map(killOwned));
  removeDirectories();
}

function removeDirectories(): void {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
}

/** An empty directory that ends with this process at the latest. */
export function ownDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'nestjs-lock-stores-'));
  directories.add(directory);
  return directory;
}

/** A process that ends with this one at the latest. */
export function spawnOwned(command: string, args: string[], options: SpawnOptions): ChildProcess {
  return own(spawn(command, args, options));
}

/** The same for a Node program beside this file; it can send numbers in typed arrays. */
export function forkOwned(program: string, args: string[]): ChildProcess {
  return own(fork(fileURLToPath(new URL(program, import.meta.url)), args, { serialization: 'advanced' }));
}

function own(child: ChildProcess): ChildProcess {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** SIGKILL; resolves when it is gone. */
export async function killOwned(child: ChildProcess): Promise<void> {
  if (!children.has(child) || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}
