import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { bundle } from '../../support/bundle.js';
import { until } from '../../support/event.js';
import { ended, killProcess, spawnOwned } from '../../support/processes.js';
import type { AppMessages } from './messages.js';

/** Where each version of Nest is installed. */
const CACHES = {
  12: '../node_modules/.cache',
  11: '../nest11/node_modules/.cache',
  10: '../nest10/node_modules/.cache',
};

export type NestVersion = keyof typeof CACHES;
export const NEST_VERSIONS: readonly NestVersion[] = [12, 11, 10];

interface Told {
  message: keyof AppMessages;
  data: unknown;
}

/** A program of ../apps in a process of its own, on one version of Nest. */
export class App {
  readonly #heard: Told[] = [];
  output = '';

  private constructor(readonly process: ChildProcess) {
    process.on('message', (message) => this.#heard.push(message as Told));
    for (const output of [process.stdout, process.stderr]) {
      output?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
  }

  /** Resolves when it listens. It ends with the test at the latest. */
  static async start(program: string, nest: NestVersion, env: Record<string, string>): Promise<App> {
    const cache = fileURLToPath(new URL(CACHES[nest], import.meta.url));
    const path = await bundle(`../frameworks/apps/${program}.ts`, cache);
    const stdio: ('ignore' | 'pipe' | 'ipc')[] = ['ignore', 'pipe', 'pipe', 'ipc'];
    const args = ['--enable-source-maps', path];
    const app = new App(spawnOwned(process.execPath, args, { env: { ...process.env, ...env }, stdio }));
    onTestFinished(() => killProcess(app.process));
    await app.heard('ready');
    return app;
  }

  get port(): number {
    return this.all('ready')[0] as number;
  }

  get running(): boolean {
    return !ended(this.process);
  }

  /** What it has told under that name so far. */
  all<M extends keyof AppMessages>(message: M): AppMessages[M][] {
    return this.#heard.filter((told) => told.message === message).map(({ data }) => data as AppMessages[M]);
  }

  async heard(message: keyof AppMessages): Promise<void> {
    const told = (): boolean => {
      if (!this.running) throw new Error(`The application ended:\n${this.output}`);
      return this.all(message).length > 0;
    };
    await until(told, { describe: `${message} of the application:\n${this.output}`, within: 60_000 });
  }

  async ended(): Promise<void> {
    await until(() => !this.running, { describe: 'the end of the application', within: 60_000 });
  }
}
