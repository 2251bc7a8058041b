import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './event.js';

let reaper: ChildProcess | undefined;

/** A vitest worker may be killed, so that its exit handlers never run: another process cleans up behind it. */
function tellReaper(line: string): void {
  reaper ??= startReaper();
  reaper.stdin?.write(`${line}\n`);
}

function startReaper(): ChildProcess {
  const path = fileURLToPath(new URL('./reaper.mjs', import.meta.url));
  // Detached, so that Ctrl-C does not reach it.
  const child = spawn(process.execPath, [path], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  child.unref();
  (child.stdin as Socket).unref();
  return child;
}

/** Starts a process that dies with this one at the latest. */
export function spawnOwned(command: string, args: string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  const { pid } = child;
  if (pid !== undefined) {
    tellReaper(`+${pid}`);
    child.once('exit', () => tellReaper(`-${pid}`));
  }
  return child;
}

/** An empty directory that is removed with this process at the latest. */
export async function ownDirectory(parent = tmpdir()): Promise<string> {
  await mkdir(parent, { recursive: true });
  const path = await mkdtemp(join(parent, 'nestjs-lock-test-'));
  tellReaper(`+${path}`);
  return path;
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  tellReaper(`-${path}`);
}

export function ended(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Kills it, paused or not, and resolves when it is gone. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (ended(child) || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exit;
}

/** Resolves when the process stands still; a signal alone is only a request. */
export async function pauseProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(async () => (await processState(pid)).startsWith('T'), { describe: `process ${pid} to stand still` });
}

async function processState(pid: number): Promise<string> {
  if (!existsSync('/proc/self/stat'))
    return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' });
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2);
}
