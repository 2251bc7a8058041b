import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { deferred, until } from './event.js';
import { freePort } from './free-port.js';
import { ended, killProcess, ownDirectory, pauseProcess, removeDirectory, spawnOwned } from './processes.js';

export interface RedisServerOptions {
  /** Default: a free one. */
  port?: number;
  /** More of the command line, such as `['--maxmemory', '2mb']`. */
  args?: string[];
  /** Users beside `default`, as an ACL file has them but without the word `user`: `'app on >secret ~lock:* +ping'`. */
  acl?: string[];
  /** Every write is on disk before its answer, and is there again after `restart()`. Default: false. */
  persistent?: boolean;
  /** The lines of its configuration file; makes it a Sentinel. */
  sentinel?: string[];
}

/** Those of ioredis that keep the shape of the replies. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

const READY = /Ready to accept connections|Sentinel ID is/;
const PORT_TAKEN = /Address already in use/;

/** A real server of our own on 127.0.0.1; ends with `stop()`, `await using`, or the test process. */
export class RedisServer implements AsyncDisposable {
  readonly #clients = new Set<Redis>();
  readonly #directory: string;
  readonly #options: RedisServerOptions;
  #process!: ChildProcess;

  private constructor(
    readonly port: number,
    directory: string,
    options: RedisServerOptions,
  ) {
    this.#directory = directory;
    this.#options = options;
  }

  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options.port ?? (await freePort()), await ownDirectory(), options);
    try {
      await server.#launch();
      return server;
    } catch (error) {
      await server.stop();
      // Somebody was faster on the port that was free a moment ago.
      if (options.port === undefined && PORT_TAKEN.test(String(error))) return RedisServer.start(options);
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get running(): boolean {
    return !ended(this.#process);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  urlAs(user: string, password: string): string {
    return `redis://${user}:${password}@127.0.0.1:${this.port}`;
  }

  /** A client that is disconnected with `stop()`. */
  client(options: ClientOptions = {}): Redis {
    const client = new Redis({ host: '127.0.0.1', port: this.port, ...options });
    client.on('error', () => {}); // The tests kill servers; without a listener ioredis logs each failed reconnect.
    this.#clients.add(client);
    return client;
  }

  /** What the server runs. No other client may connect meanwhile: ioredis is confused by what comes with the answer. */
  async monitor(): Promise<Redis> {
    const client = this.client();
    await client.ping();
    return client.monitor();
  }

  /** Resolves when so many replicas have all. `WAIT` counts also those that have just come, if nothing was written since. */
  async replicated(replicas: number): Promise<void> {
    const client = this.client();
    const known = async (): Promise<boolean> => (await client.wait(replicas, 500)) >= replicas;
    await until(async () => (await known()) && (await client.set('replicated', 1, 'EX', 1)) && known(), {
      describe: `${replicas} replicas`,
    });
    client.disconnect();
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    await killProcess(this.#process);
  }

  /** SIGSTOP: connections stay open, nothing answers. */
  async pause(): Promise<void> {
    await pauseProcess(this.pid);
  }

  /** SIGCONT. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** Kills it if it runs, and starts it again on the same port; empty unless it is persistent. */
  async restart(): Promise<void> {
    await this.kill();
    if (!this.#options.persistent) await rm(join(this.#directory, 'dump.rdb'), { force: true });
    await this.#launch();
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    this.#clients.clear();
    await this.kill();
    await removeDirectory(this.#directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Resolves when this process itself, not another one on the same port, says that it is ready. */
  async #launch(): Promise<void> {
    const { promise, resolve, reject } = deferred();
    const child = spawnOwned(findBinary(), await this.#commandLine(), {
      cwd: this.#directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let log = '';
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding('utf8').on('data', (chunk: string) => {
        log += chunk;
        if (READY.test(log)) resolve();
      });
    }
    child.once('error', reject);
    child.once('close', () => reject(new Error(`The Redis server on port ${this.port} ended:\n${log}`)));
    await promise;
  }

  async #commandLine(): Promise<string[]> {
    const { args = [], acl, persistent, sentinel } = this.#options;
    const common = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#directory];
    if (sentinel) {
      const file = join(this.#directory, 'sentinel.conf');
      await writeFile(file, sentinel.map((line) => `${line}\n`).join(''));
      return [file, '--sentinel', ...common, ...args];
    }
    const durable = persistent ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
    const line = [...common, '--save', '', ...durable];
    if (acl) {
      const file = join(this.#directory, 'users.acl');
      // What `ACL SAVE` has written since is there again after `restart()`.
      await writeFile(file, acl.map((rule) => `user ${rule}\n`).join(''), { flag: 'wx' }).catch(() => {});
      line.push('--aclfile', file);
    }
    return [...line, ...args];
  }
}

function findBinary(): string {
  if (process.env.REDIS_SERVER_BIN) return process.env.REDIS_SERVER_BIN;
  const directories = (process.env.PATH ?? '').split(delimiter);
  const candidates = ['redis-server', 'valkey-server'].flatMap((name) => directories.map((path) => join(path, name)));
  const found = candidates.find(isExecutable);
  if (found) return found;
  throw new Error(
    'No Redis server to test with: install redis-server (7.0 or later) or valkey-server (7.2 or later), or name one in REDIS_SERVER_BIN',
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
