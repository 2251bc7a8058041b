import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedisServer } from '../../scripts/ensure-redis.mjs';

const READY = /ready to accept connections/i;

/** A Redis of our own on a free port, without persistence. */
export class RedisServer implements AsyncDisposable {
  /** For what is asked between the measurements. */
  readonly client: Redis;
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #directory: string;
  readonly #cleanUp = (): void => {
    this.#process.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  };

  private constructor(process_: ChildProcess, directory: string, port: number) {
    this.#process = process_;
    this.#directory = directory;
    this.url = `redis://127.0.0.1:${port}`;
    this.client = new Redis(this.url);
    process.once('exit', this.#cleanUp);
  }

  /** `under`: the command that runs it, with its arguments, such as a profiler. */
  static async start(under: readonly string[] = []): Promise<RedisServer> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'nestjs-lock-bench-'));
    const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    const [command, ...rest] = [...under, findRedisServer(), ...place, '--save', '', '--appendonly', 'no'];
    const child = spawn(command as string, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    let log = '';
    for await (const chunk of child.stdout) {
      log += String(chunk);
      if (READY.test(log)) break;
    }
    if (!READY.test(log)) throw new Error(`The Redis server ended:\n${log}`);
    const server = new RedisServer(child, directory, port);
    await server.client.ping();
    return server;
  }

  /** Microseconds of CPU that the thread which runs the commands has used so far. */
  async cpu(): Promise<number> {
    const info = await this.client.info('cpu');
    const seconds = (field: string): number => Number(new RegExp(`^${field}:(\\S+)`, 'm').exec(info)?.[1]);
    return (seconds('used_cpu_user_main_thread') + seconds('used_cpu_sys_main_thread')) * 1e6;
  }

  /** How often each command was called so far, also from inside scripts. */
  async calls(): Promise<Map<string, number>> {
    const info = await this.client.info('commandstats');
    const lines = info.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm);
    return new Map([...lines].map(([, command, calls]) => [command as string, Number(calls)]));
  }

  /** How many commands have run so far, but for those that ask this. */
  async commands(): Promise<number> {
    const calls = await this.calls();
    calls.delete('info');
    return [...calls.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How many script calls clients have sent so far. */
  async scriptCalls(): Promise<number> {
    const calls = await this.calls();
    return (calls.get('evalsha') ?? 0) + (calls.get('eval') ?? 0);
  }

  /** With SIGTERM the server ends in its own time, and whatever runs it can write down what it saw. */
  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.client.disconnect();
    const closed = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill(signal);
    await closed;
    process.off('exit', this.#cleanUp);
    this.#cleanUp();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
