import { AsyncResource } from 'node:async_hooks';
import type { Random } from '../../faults/random.js';
import { type Owner, PHASE, type Phase, type Scheduler, type Task } from './scheduler.js';

/** Midnight of a day in 2026. */
export const EPOCH_MS = 1_790_000_000_000;
/** Node takes no longer delay. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** Some time passes before a timer fires: a clock that is short of a whole ms by a rounding would stand still. */
const SOONEST_MS = 0.1;

/** For whoever looks for the reason of a run: it costs time. */
const TELLS_ORIGIN = process.env.SIMULATE_ORIGINS !== undefined;

export interface ProcessOptions {
  readonly scheduler: Scheduler;
  /** `w2.1`: the first process in the place `w2`. */
  readonly name: string;
  readonly random: Random;
  /** How much faster than true time its clocks run: 1 is right. */
  readonly rate: number;
  crashed(error: unknown): void;
}

/** A process of the simulated world: a clock of its own, timers, and moments in which it stands still. */
export class SimProcess implements Owner {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly rate: number;
  readonly startedAt: number;
  alive = true;
  /** For how many reasons it stands still. */
  #pauses = 0;
  /** How far its wall clock has been set off, in ms. */
  wallOffset = 0;
  /** For how long its machine has slept: then its monotonic clock stood still. */
  slept = 0;
  readonly #crashed: (error: unknown) => void;
  #held: Task[] = [];
  readonly #timers = new Set<Timer>();
  /** What is called when it dies. */
  readonly #onDeath: (() => void)[] = [];

  constructor({ scheduler, name, random, rate, crashed }: ProcessOptions) {
    this.scheduler = scheduler;
    this.name = name;
    this.random = random;
    this.rate = rate;
    this.startedAt = scheduler.now;
    this.#crashed = crashed;
  }

  /** Its place, which its successor takes after its end: `w2` of `w2.1`. */
  get slot(): string {
    return this.name.slice(0, this.name.indexOf('.'));
  }

  get paused(): boolean {
    return this.#pauses > 0;
  }

  /** The monotonic clock, in ms since the start. */
  get monotonic(): number {
    return (this.scheduler.now - this.startedAt - this.slept) * this.rate;
  }

  get wall(): number {
    return EPOCH_MS + this.startedAt + (this.scheduler.now - this.startedAt) * this.rate + this.wallOffset;
  }

  /** For how long its machine is up, in seconds; goes on while it sleeps. */
  get uptime(): number {
    return 1_000 + Math.floor(this.scheduler.now * this.rate) / 1_000;
  }

  /** Those that keep it alive: where each was set, as far as that is known. */
  get timers(): string[] {
    return [...this.#timers].filter(({ referenced }) => referenced).map(({ origin }) => origin);
  }

  crashed(error: unknown): void {
    this.#crashed(error);
  }

  /**
   * In the manner of Node: a timer compares whole ms of the event loop's time, which is rounded down. `keeps`: it is one
   * of the package's, which keeps the process alive unless it is told not to.
   */
  setTimer(run: () => void, ms: number, { repeats = false, keeps = false } = {}): Timer {
    const delay = ms >= 1 && ms <= LONGEST_DELAY_MS ? Math.trunc(ms) : 1;
    const timer = new Timer(this, inContext(run), delay, { repeats, keeps });
    this.#timers.add(timer);
    timer.arm();
    return timer;
  }

  timerOver(timer: Timer): void {
    this.#timers.delete(timer);
  }

  /** Runs in the async context of the caller. */
  post(run: () => void, phase: Phase): Task {
    return this.scheduler.at(this.scheduler.now, inContext(run), this, phase);
  }

  tick(run: () => void): void {
    this.scheduler.tick(inContext(run), this);
  }

  /** Stands still for so long. `asleep`: with its machine, whose monotonic clock stops. */
  pause(ms: number, { asleep = false } = {}): void {
    this.#pauses += 1;
    if (asleep) for (const timer of this.#timers) timer.shift(ms);
    this.scheduler.in(ms, () => {
      if (asleep) this.slept += ms;
      this.#resume();
    });
  }

  /** Resolves when the process, which stands still for so long, goes on: before anything else that it does. */
  stall(ms: number): Promise<void> {
    this.#pauses += 1;
    return new Promise((resolve) => {
      this.scheduler.in(ms, () => {
        this.hold(this.#task(inContext(resolve), PHASE.now));
        this.#resume();
      });
    });
  }

  hold(task: Task): void {
    this.#held.push(task);
  }

  onDeath(run: () => void): void {
    this.#onDeath.push(run);
  }

  die(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#held = [];
    for (const run of this.#onDeath) run();
  }

  #task(run: () => void, phase: Phase): Task {
    return { at: this.scheduler.now, phase, seq: 0, run, owner: this, cancelled: false };
  }

  #resume(): void {
    this.#pauses -= 1;
    if (!this.alive || this.paused) return;
    const held = this.#held;
    this.#held = [];
    for (const task of held) {
      task.at = this.scheduler.now;
      this.scheduler.again(task);
    }
  }
}

/** Runs in the async context of now, as what Node calls later does. */
function inContext(run: () => void): () => void {
  const resource = new AsyncResource('SimTask');
  return () => resource.runInAsyncScope(run);
}

/** What `setTimeout` returns. */
export class Timer {
  referenced: boolean;
  readonly origin = TELLS_ORIGIN ? String(new Error().stack) : '';
  readonly #process: SimProcess;
  readonly #run: () => void;
  readonly #delay: number;
  readonly #repeats: boolean;
  #task: Task | undefined;

  constructor(
    process: SimProcess,
    run: () => void,
    delay: number,
    { repeats, keeps }: { repeats: boolean; keeps: boolean },
  ) {
    this.referenced = keeps;
    this.#process = process;
    this.#run = run;
    this.#delay = delay;
    this.#repeats = repeats;
  }

  arm(): void {
    const { scheduler, monotonic, rate } = this.#process;
    const due = Math.floor(monotonic) + this.#delay;
    const left = Math.max(SOONEST_MS, due - monotonic) / rate;
    this.#task = scheduler.at(scheduler.now + left, () => this.#fire(), this.#process, PHASE.timer);
  }

  /** Its process sleeps. */
  shift(ms: number): void {
    const task = this.#task;
    if (!task || task.cancelled) return;
    task.cancelled = true;
    this.#task = this.#process.scheduler.at(task.at + ms, task.run, this.#process, PHASE.timer);
  }

  ref(): this {
    this.referenced = true;
    return this;
  }

  unref(): this {
    this.referenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.referenced;
  }

  refresh(): this {
    this.cancel();
    this.arm();
    return this;
  }

  close(): this {
    this.cancel();
    return this;
  }

  cancel(): void {
    if (this.#task) this.#task.cancelled = true;
    this.#process.timerOver(this);
  }

  #fire(): void {
    if (this.#repeats) this.arm();
    else this.#process.timerOver(this);
    this.#run();
  }
}
