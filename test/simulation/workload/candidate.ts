import type { Lock } from '../../../lib/index.js';
import type { Random } from '../../faults/random.js';
import { sleep, type WitnessedLock } from './calls.js';
import type { Scene } from './workload.js';

export const LEADER = 'leader';
const OPTIONS = { wait: Number.POSITIVE_INFINITY, ttl: 1_500 };

/** One process that stands for election: each of its terms is recorded as a request. */
export class Candidate {
  readonly #scene: Scene;
  readonly #random: Random;
  #request: string;
  #term: WitnessedLock | undefined;
  #stands = true;

  constructor(scene: Scene, random: Random) {
    this.#scene = scene;
    this.#random = random;
    this.#request = this.#ask();
  }

  async stand(): Promise<void> {
    const { services, witness } = this.#scene;
    try {
      const election = services.usual.elect(LEADER, {
        ttl: OPTIONS.ttl,
        onElected: (lock) => this.#lead(lock),
        onDeposed: () => this.#over(),
      });
      await sleep(witness.process, this.#random.integer(2_000, 12_000));
      await election.resign();
      this.left();
    } catch (error) {
      this.left(error);
    }
  }

  /** It does not stand any more, since its service has closed, say. */
  left(error: unknown = { code: 'LOCK_CLOSED' }): void {
    if (!this.#stands) return;
    this.#stands = false;
    this.#scene.calls.refused(this.#request, error);
  }

  #ask(): string {
    return this.#scene.calls.asked({ name: LEADER, options: OPTIONS });
  }

  async #lead(lock: Lock): Promise<void> {
    const { calls, witness } = this.#scene;
    const term = calls.witnessed(lock, this.#request, LEADER);
    this.#term = term;
    const until = witness.chronicle.now + this.#random.integer(200, 3_000);
    while (!lock.signal.aborted && witness.chronicle.now < until && (await term.write())) {
      await sleep(witness.process, this.#random.integer(50, 300));
    }
    if (this.#random.chance(0.3)) throw Object.assign(new Error('thrown on purpose'), { code: 'THROWN' });
  }

  #over(): void {
    this.#term?.releasing();
    this.#term = undefined;
    this.#request = this.#ask();
  }
}
