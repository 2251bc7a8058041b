import type { ChildProcess } from 'node:child_process';
import type { ContestantName } from './contestant.js';
import { forkOwned, killOwned } from './owned.js';
import type { Answer, Order } from './worker.js';

/** A process with one client of the contestant. */
export class WorkerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(contestant: ContestantName, address: string): Promise<WorkerProcess> {
    const worker = new WorkerProcess(forkOwned('./worker.js', [contestant, address]));
    await worker.#answer();
    return worker;
  }

  /** One order at a time. */
  call(order: Order): Promise<Answer> {
    const answer = this.#answer();
    this.#child.send(order);
    return answer;
  }

  kill(): Promise<void> {
    return killOwned(this.#child);
  }

  #answer(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`A worker ended with ${code}.`));
      this.#child.once('exit', ended);
      this.#child.once('message', (message) => {
        this.#child.off('exit', ended);
        resolve(message as Answer);
      });
    });
  }
}
