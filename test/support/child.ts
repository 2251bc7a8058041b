import { type ChildProcess } from 'node:child_process';
import type { LockModuleOptions } from '../../lib/index.js';
import type { JobOptions } from '../../lib/jobs.js';
import { bundle } from './bundle.js';
import { type Deferred, deferred, until } from './event.js';
import { ended, killProcess, pauseProcess, spawnOwned } from './processes.js';
import type { WorkerCommands, WorkerEvents } from './worker.js';

type Message =
  | { call: number; result: unknown }
  | { call: number; error: { name: string; code: string; why?: string; message: string } }
  | { event: keyof WorkerEvents; data: WorkerEvents[keyof WorkerEvents] };

/** An error that a command of the worker threw. */
export class WorkerError extends Error {
  readonly code: string;
  readonly why: string | undefined;

  constructor({ name, code, why, message }: { name: string; code: string; why?: string | undefined; message: string }) {
    super(message);
    this.name = name;
    this.code = code;
    this.why = why;
  }
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A process with a lock service of its own, to be paused or killed; ends with `await using`, or the test process. */
export class Child implements AsyncDisposable {
  /** Resolves when the process has ended, however that came. */
  readonly exit: Promise<Exit>;
  /** All that it wrote. */
  output = '';
  readonly #process: ChildProcess;
  readonly #calls = new Map<number, Deferred<unknown>>();
  #lastCall = 0;
  #events: { event: keyof WorkerEvents; data: { id: string } }[] = [];

  private constructor(child: ChildProcess) {
    this.#process = child;
    const { promise, resolve } = deferred<Exit>();
    this.exit = promise;
    child.on('message', (message) => this.#receive(message as Message));
    child.once('error', (error) => this.#fail(error));
    child.once('close', (code, signal) => {
      resolve({ code, signal });
      this.#fail(new Error(`The worker ended with ${signal ?? code}:\n${this.output}`));
    });
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding('utf8').on('data', (chunk: string) => {
        this.output += chunk;
      });
    }
  }

  /** `redis` is a URL: that of a server or of a proxy in front of one. `env` comes on top of our own environment. */
  static async start(
    options: LockModuleOptions & { redis: string; jobs?: JobOptions | undefined },
    env: NodeJS.ProcessEnv = {},
  ): Promise<Child> {
    const spawned = spawnOwned(process.execPath, ['--enable-source-maps', await bundle('./worker.ts')], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Carries Infinity and undefined.
      serialization: 'advanced',
      env: { ...process.env, ...env },
    });
    const child = new Child(spawned);
    await child.call('start', options);
    return child;
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get running(): boolean {
    return !ended(this.#process);
  }

  /** Rejects with a `WorkerError`, or when the process ends before it answers. A call that nobody awaits fails nothing. */
  call<C extends keyof WorkerCommands>(
    command: C,
    ...[args]: Parameters<WorkerCommands[C]>
  ): ReturnType<WorkerCommands[C]> {
    this.#lastCall += 1;
    const answer = deferred<unknown>();
    answer.promise.catch(() => {});
    this.#calls.set(this.#lastCall, answer);
    this.#process.send({ call: this.#lastCall, command, args: args ?? {} }, (error) => {
      if (error) answer.reject(error);
    });
    return answer.promise as ReturnType<WorkerCommands[C]>;
  }

  /** The oldest event of that name (and id) that no `waitFor` has returned yet; it may be in the past. */
  async waitFor<E extends keyof WorkerEvents>(event: E, id?: string): Promise<WorkerEvents[E]> {
    const found = await until(
      () => this.#events.find((entry) => entry.event === event && (id === undefined || entry.data.id === id)),
      { describe: `the event "${event}" of worker ${this.pid}` },
    );
    this.#events = this.#events.filter((entry) => entry !== found);
    return found.data as WorkerEvents[E];
  }

  /** SIGSTOP: resolves when it stands still. SIGKILL: when it is gone. Other signals are just sent. */
  async kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): Promise<void> {
    if (signal === 'SIGKILL') await killProcess(this.#process);
    else if (signal === 'SIGSTOP') await pauseProcess(this.pid);
    else this.#process.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL');
  }

  #receive(message: Message): void {
    if ('event' in message) {
      this.#events.push(message);
      return;
    }
    const answer = this.#calls.get(message.call);
    this.#calls.delete(message.call);
    if ('error' in message) answer?.reject(new WorkerError(message.error));
    else answer?.resolve(message.result);
  }

  #fail(error: Error): void {
    for (const answer of this.#calls.values()) answer.reject(error);
    this.#calls.clear();
  }
}
