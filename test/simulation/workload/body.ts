import type { Random } from '../../faults/random.js';
import { elementName, NAMES } from '../../faults/worker/orders.js';
import { sleep, type WitnessedLock } from './calls.js';
import { drawDuration } from './draw.js';
import type { Workload } from './workload.js';

/** No deeper. */
const DEPTH = 2;

/** What runs under a lock: guarded writes with pauses between them, and further calls from there. */
export class Body {
  readonly #workload: Workload;

  constructor(workload: Workload) {
    this.#workload = workload;
  }

  /** A body begins under a held lock, whatever became of it on the way. */
  begins(lock: WitnessedLock): void {
    const { process } = this.#workload.scene.witness;
    if (!lock.look()) process.crashed(new Error(`the body of ${lock.request} began although its lock was not held`));
  }

  /** `depth`: of the frames above it. */
  async run(random: Random, lock: WitnessedLock, depth: number): Promise<void> {
    const { process, chronicle } = this.#workload.scene.witness;
    const end = chronicle.now + drawDuration(random);
    const extendsOnce = random.chance(0.1);
    const nests = depth < DEPTH && random.chance(0.25);
    let stalls = random.chance(0.02);
    // Some go on to the end although it is lost, and release it then.
    const stubborn = random.chance(0.5);
    do {
      if (!(await lock.write()) && !stubborn) return;
      await sleep(process, random.integer(5, 60));
      if (stalls) await lock.stall(random.integer(300, 2_500));
      stalls = false;
    } while (chronicle.now < end);
    if (nests) await this.#nest(random, lock, depth);
    if (extendsOnce)
      await lock.lock.extend(random.chance(0.5) ? random.integer(1_000, 2_500) : undefined).catch(() => {});
    if (random.chance(0.1)) lock.lock.onReleaseRequested(() => {});
    await lock.write();
  }

  /** Calls from inside: of the same name and of another, awaited, side by side, and left to themselves. */
  #nest(random: Random, lock: WitnessedLock, depth: number): Promise<unknown> {
    const again = (reentrant: boolean, wait = reentrant ? 2_000 : 100): Promise<void> =>
      this.#workload.run(
        random.fork(`nested ${random.next()}`),
        { name: lock.name, options: { wait, reentrant } },
        { lock, depth: depth + 1 },
      );
    // At once, or when the body may have ended.
    const left = (call: () => Promise<unknown>): Promise<void> => {
      const { process } = this.#workload.scene.witness;
      const begun = random.chance(0.4) ? call() : sleep(process, random.integer(1, 150)).then(call);
      this.#workload.detach(begun);
      return Promise.resolve();
    };
    return random.weighted<() => Promise<unknown>>([
      [3, () => again(true)],
      [1, () => again(false)],
      [3, () => Promise.all([again(true), again(true), ...(random.chance(0.5) ? [again(false)] : [])])],
      [4, () => left(() => again(true))],
      [1, () => left(() => again(false, 2_000))],
      [2, () => this.#other(random, lock, depth)],
      [1, () => this.#once(random, lock, depth)],
      [1, () => left(() => this.#once(random, lock, depth))],
    ])();
  }

  /** In one order for everybody, so that no two wait for each other. */
  #other(random: Random, lock: WitnessedLock, depth: number): Promise<void> {
    if (lock.name !== NAMES.exclusive[0]) return Promise.resolve();
    const wish = { name: NAMES.exclusive[1], options: { wait: 2_000, ttl: 1_000 } };
    return this.#workload.run(random.fork('other'), wish, { lock, depth: depth + 1 });
  }

  #once(random: Random, lock: WitnessedLock, depth: number): Promise<void> {
    const name = elementName(random.integer(0, 5));
    return this.#workload.process(random.fork('once'), name, 0, { lock, depth: depth + 1 });
  }
}
