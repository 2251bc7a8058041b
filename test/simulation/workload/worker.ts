import type { LockService } from '../../../lib/index.js';
import type { Random } from '../../faults/random.js';
import { ALL_NAMES } from '../../faults/worker/orders.js';
import type { SimProcess } from '../machine/process.js';
import { Calls, sleep, type Witness } from './calls.js';
import { type Scene, Workload } from './workload.js';

export interface WorkerOptions extends Pick<Scene, 'services' | 'retains' | 'epoch'> {
  readonly witness: Witness;
  readonly random: Random;
  /** Whether one more operation may begin: the prefix of a run has only so many. */
  mayBegin(): boolean;
}

const LOOPS = 2;

/** One process of the simulated world, and what it does with its locks. */
export class Worker {
  readonly process: SimProcess;
  readonly services: readonly LockService[];
  readonly #workload: Workload;
  readonly #random: Random;
  readonly #loops: Promise<unknown>[] = [];
  readonly #mayBegin: () => boolean;
  #draining = false;

  constructor({ witness, services, random, retains, epoch, mayBegin }: WorkerOptions) {
    this.process = witness.process;
    this.services = Object.values(services);
    this.#random = random;
    this.#mayBegin = mayBegin;
    const workload = new Workload({ calls: new Calls(witness), witness, services, retains, epoch });
    this.#workload = workload;
    for (let i = 0; i < LOOPS; i += 1) this.#start(`usual ${i}`, 300, (drawn) => workload.operate(drawn));
    this.#start('fifo', 900, (drawn) => workload.fifo(drawn));
    this.#start('once', 700, (drawn) => workload.once(drawn));
    this.#start('leader', 2_000, (drawn) => workload.elect(drawn));
  }

  get name(): string {
    return this.process.name;
  }

  /** No new work; then each name once more, within so many ms. */
  async drain(within: number): Promise<void> {
    this.#draining = true;
    await Promise.all([
      ...ALL_NAMES.map((name) => this.#workload.probe(name, within)),
      this.#workload.sweep(this.#random.fork('sweep'), within),
      ...this.#loops,
    ]);
    await this.#workload.settled();
  }

  /** An operator has it end whoever holds the name. */
  force(name: string): Promise<void> {
    return this.#workload.force(name);
  }

  async close(): Promise<void> {
    this.#draining = true;
    await Promise.all(this.services.map((service) => service.close()));
    this.#workload.closed();
  }

  #start(label: string, pause: number, operate: (random: Random) => Promise<void>): void {
    this.#loops.push(this.#loop(this.#random.fork(label), pause, operate));
  }

  async #loop(random: Random, pause: number, operate: (random: Random) => Promise<void>): Promise<void> {
    // They do not all begin at once.
    await sleep(this.process, random.integer(1, pause));
    while (!this.#draining && this.#mayBegin()) {
      await operate(random);
      await sleep(this.process, random.integer(1, pause));
    }
  }
}
