import { type ChildProcess } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../support/event.js';
import { ended, killProcess, pauseProcess, spawnOwned } from '../support/processes.js';
import { now } from './history/event.js';
import type { Recorder } from './history/history.js';
import type { GuardedRegister } from './register.js';
import type { Message, Order, WorkerOptions } from './worker/orders.js';

const PROGRAM = fileURLToPath(new URL('./worker/main.js', import.meta.url));
const REFRESH_PATIENCE_MS = 1_000;
/** Of a machine that is busy with other things. */
const START_PATIENCE_MS = 120_000;
const EXIT_PATIENCE_MS = 30_000;

/** A worker process as the harness sees it. */
export class Worker {
  readonly #process: ChildProcess;
  readonly #said = new Set<Message['say']>();
  readonly #recorder: Recorder;
  /** Its end is the harness's will. */
  #dismissed = false;

  constructor(
    readonly options: WorkerOptions,
    register: GuardedRegister,
    recorder: Recorder,
  ) {
    this.#recorder = recorder;
    const errors = openSync(join(options.directory, `${options.worker}.err`), 'a');
    this.#process = spawnOwned(process.execPath, ['--enable-source-maps', PROGRAM, JSON.stringify(options)], {
      // A file: a pipe would be a resource that keeps the worker alive.
      stdio: ['ignore', errors, errors, 'ipc'],
    });
    this.#process.on('message', (message: Message) => {
      this.#said.add(message.say);
      if (message.say === 'ready') this.#record('started');
      if (message.say !== 'write') return;
      this.order({ do: 'written', id: message.id, accepted: register.write(message.write) });
    });
    this.#process.once('exit', (code, signal) => {
      if (!this.#dismissed) this.#record('crashed', `ended with ${signal ?? code}`);
    });
    this.#process.on('error', () => {}); // An order to a process that has just died.
  }

  get name(): string {
    return this.options.worker;
  }

  get running(): boolean {
    return !ended(this.#process);
  }

  order(order: Order): void {
    if (this.running && this.#process.connected) this.#process.send(order, () => {});
  }

  ready(): Promise<unknown> {
    return until(() => this.#said.has('ready'), {
      describe: `worker ${this.name} to start`,
      within: START_PATIENCE_MS,
    });
  }

  drained(within: number): Promise<unknown> {
    return until(() => this.#said.has('drained') || !this.running, { describe: `${this.name} to drain`, within });
  }

  /** Tells it the new password of its clients; resolves when it has heard, unless it is stopped. */
  async refresh(password: string): Promise<void> {
    this.#said.delete('refreshed');
    this.order({ do: 'refresh', password });
    await until(() => this.#said.has('refreshed') || !this.running, { within: REFRESH_PATIENCE_MS }).catch(() => {});
  }

  async kill(): Promise<void> {
    this.#dismissed = true;
    await killProcess(this.#process);
    this.#record('killed');
  }

  pause(): Promise<void> {
    return pauseProcess(this.#process.pid!);
  }

  resume(): void {
    this.#process.kill('SIGCONT');
  }

  /** Closes its services; then it has to end by itself. `connections`: those that it has, by their last request. */
  async close(connections: () => readonly string[]): Promise<void> {
    this.#dismissed = true;
    this.order({ do: 'close' });
    try {
      await until(() => !this.#process.connected || !this.running, { within: EXIT_PATIENCE_MS });
      await this.#seeClosed(connections);
      await until(() => !this.running, { within: EXIT_PATIENCE_MS });
      const { exitCode, signalCode } = this.#process;
      if (exitCode !== 0) this.#record('crashed', `ended with ${signalCode ?? exitCode}`);
    } catch {
      this.#record('hung');
      await killProcess(this.#process);
    }
  }

  /** What does not keep the process alive cannot be seen from inside: looks until it has ended, or none is left. */
  async #seeClosed(connections: () => readonly string[]): Promise<void> {
    let left = connections();
    const none = (): boolean => {
      if (this.running) left = connections();
      return left.length === 0 || !this.running;
    };
    await until(none, { within: EXIT_PATIENCE_MS });
    const resources = left.map((request) => `a connection (${request})`);
    this.#recorder.record({ at: now(), kind: 'closed', worker: this.name, resources });
  }

  #record(kind: 'started' | 'killed' | 'hung' | 'crashed', note = ''): void {
    this.#recorder.record({ at: now(), kind, worker: this.name, note });
  }
}
