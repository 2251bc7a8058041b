import { Heap } from './heap.js';

/** What runs before what when a process goes on that stood still: as the phases of Node's event loop. */
export const PHASE = { now: 0, timer: 1, io: 2, check: 3 } as const;
export type Phase = (typeof PHASE)[keyof typeof PHASE];

/** Whose task it is, if it is one of a process. */
export interface Owner {
  readonly alive: boolean;
  readonly paused: boolean;
  /** Takes a task that comes while it stands still. */
  hold(task: Task): void;
  crashed(error: unknown): void;
}

export interface Task {
  at: number;
  readonly phase: Phase;
  seq: number;
  readonly run: () => void;
  readonly owner: Owner | undefined;
  cancelled: boolean;
}

/** So often the real event loop turns. */
const TURN_EVERY = 5_000;

/** Virtual time: one event after the other, each with all that follows from it at once. */
export class Scheduler {
  /** The true time of the world, in ms. */
  now = 0;
  /** How many events have happened. */
  steps = 0;
  #seq = 0;
  readonly #tasks = new Heap<Task>(
    (a, b) => a.at < b.at || (a.at === b.at && (a.phase < b.phase || (a.phase === b.phase && a.seq < b.seq))),
  );
  #ticks: { run: () => void; owner: Owner }[] = [];

  at(at: number, run: () => void, owner?: Owner, phase: Phase = PHASE.io): Task {
    const task: Task = { at: Math.max(at, this.now), phase, seq: 0, run, owner, cancelled: false };
    this.again(task);
    return task;
  }

  in(ms: number, run: () => void, owner?: Owner, phase?: Phase): Task {
    return this.at(this.now + ms, run, owner, phase);
  }

  /** Puts a task behind those of the same moment and phase. */
  again(task: Task): void {
    this.#seq += 1;
    task.seq = this.#seq;
    this.#tasks.push(task);
  }

  /** As `process.nextTick`. */
  tick(run: () => void, owner: Owner): void {
    this.#ticks.push({ run, owner });
  }

  /** Until it is `done`, or nothing is left to happen. */
  run(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      // Node runs all microtasks once no tick is left; what is to come after all of them has to be a tick of the last.
      const next = (): void => queueMicrotask(() => process.nextTick(step));
      const step = (): void => {
        try {
          if (!this.#runTicks()) {
            if (done() || !this.#runTask()) {
              resolve();
              return;
            }
            this.#runTicks();
          }
        } catch (error) {
          reject(error);
          return;
        }
        this.steps += 1;
        if (this.steps % TURN_EVERY === 0) setImmediate(step);
        else next();
      };
      next();
    });
  }

  /** As Node does, all of them before any microtask. */
  #runTicks(): boolean {
    if (this.#ticks.length === 0) return false;
    while (this.#ticks.length > 0) {
      const ticks = this.#ticks;
      this.#ticks = [];
      for (const { run, owner } of ticks) if (owner.alive) guarded(run, owner);
    }
    return true;
  }

  #runTask(): boolean {
    for (let task = this.#tasks.pop(); task; task = this.#tasks.pop()) {
      const { owner } = task;
      if (task.cancelled || (owner && !owner.alive)) continue;
      this.now = Math.max(this.now, task.at);
      if (owner?.paused) owner.hold(task);
      else {
        if (owner) guarded(task.run, owner);
        else task.run();
        return true;
      }
    }
    return false;
  }
}

function guarded(run: () => void, owner: Owner): void {
  try {
    run();
  } catch (error) {
    owner.crashed(error);
  }
}
