import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Handlers, Reply, Request } from './serve.js';

type Argument<H extends Handlers, M extends keyof H> = Parameters<H[M]>[0];
type Result<H extends Handlers, M extends keyof H> = Awaited<ReturnType<H[M]>>;

/** A process that runs one of `children/*.ts`; `H` are its handlers. It ends with `stop`, or with this process. */
export class Child<H extends Handlers> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #open = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #count = 0;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.on('message', ({ id, value, error }: Reply) => {
      const call = this.#open.get(id);
      this.#open.delete(id);
      if (error === undefined) call?.resolve(value as never);
      else call?.reject(new Error(error));
    });
    child.once('exit', (code) => {
      for (const { reject } of this.#open.values()) reject(new Error(`The child process ended with ${code}`));
    });
  }

  static async start<H extends Handlers>(program: string): Promise<Child<H>> {
    const file = new URL(`../children/${program}.js`, import.meta.url);
    const child = fork(file, { execArgv: ['--expose-gc'] });
    const failed = once(child, 'exit').then(() => {
      throw new Error(`${program} did not start`);
    });
    failed.catch(() => {});
    await Promise.race([once(child, 'message'), failed]);
    return new Child(child);
  }

  call<M extends keyof H & string>(method: M, argument: Argument<H, M>): Promise<Result<H, M>> {
    this.#count += 1;
    const request: Request = { id: this.#count, method, argument };
    return new Promise((resolve, reject) => {
      this.#open.set(request.id, { resolve, reject });
      this.#process.send(request);
    });
  }

  async stop(): Promise<void> {
    if (!this.#process.connected) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
