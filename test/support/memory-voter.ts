import { type LockStore, LockUnavailableError, MemoryLockStore } from '../../lib/index.js';

/**
 * `refused`: the call does not reach it. `unanswered`: it carries the call out, and the answer gets lost. `resent`: it gets
 * the call when it is reached again, before any later one, as a client sends what was on its way when a connection broke.
 */
export type VoterFault = 'none' | 'refused' | 'unanswered' | 'resent';

/** The clock of one server: so much off, and so much faster than ours. */
export interface VoterClock {
  readonly skew: number;
  readonly rate: number;
}

/** One server of a quorum, in memory: its clock is its own, its calls go wrong, and it may start anew without its data. */
export class MemoryVoter {
  fault: VoterFault = 'none';
  /** What a quorum is given. */
  readonly store: LockStore;
  readonly #clock: VoterClock;
  readonly #abstinence: number;
  readonly #born = performance.now();
  #memory: MemoryLockStore;
  #votesFrom = 0;
  readonly #onItsWay: (() => Promise<unknown>)[] = [];

  constructor(clock: VoterClock, abstinence: number) {
    this.#clock = clock;
    this.#abstinence = abstinence;
    this.#memory = this.#empty();
    this.store = {
      acquire: async (claim) => {
        if (performance.now() < this.#votesFrom) {
          throw new LockUnavailableError(undefined, 'abstains', { uncertain: false });
        }
        return this.#call(() => this.#memory.acquire(claim));
      },
      renew: (renewal) => this.#call(() => this.#memory.renew(renewal)),
      release: (owned) => this.#call(() => this.#memory.release(owned)),
      withdraw: (owned) => this.#call(() => this.#memory.withdraw(owned)),
      inspect: (name) => this.#call(() => this.#memory.inspect(name)),
      force: (name, expected) => this.#call(() => this.#memory.force(name, expected)),
      subscribe: () => () => {},
      complete: (completion) => this.#call(() => this.#memory.complete(completion)),
      doneAt: (name) => this.#call(() => this.#memory.doneAt(name)),
      unmark: (name, owner) => this.#call(() => this.#memory.unmark(name, owner)),
    };
  }

  /** What it has at the moment. */
  get memory(): MemoryLockStore {
    return this.#memory;
  }

  restart(): void {
    this.#memory = this.#empty();
    this.#votesFrom = performance.now() + this.#abstinence;
  }

  async #call<T>(run: () => Promise<T>): Promise<T> {
    if (this.fault === 'refused') throw new LockUnavailableError(undefined, 'refused', { uncertain: false });
    if (this.fault === 'resent') {
      this.#onItsWay.push(run);
      throw new Error('on its way');
    }
    for (const earlier of this.#onItsWay.splice(0)) await earlier();
    const answer = await run();
    if (this.fault === 'unanswered') throw new Error('unanswered');
    return answer;
  }

  #empty(): MemoryLockStore {
    const { skew, rate } = this.#clock;
    return new MemoryLockStore({ clock: { now: () => 1e12 + skew + (performance.now() - this.#born) * rate } });
  }
}
