import { Line, type Linked } from './line.js';
import { outside, runtime } from './runtime.js';

/** The longest delay that `setTimeout` takes; beyond it, it fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export type CancelTimer = () => void;

/**
 * Calls `fn` once after `ms`, however long that is. `awaited` keeps the process alive meanwhile: for what somebody
 * awaits, never for upkeep.
 */
export function after(ms: number, fn: () => void, { awaited = false } = {}): CancelTimer {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    const rest = left - LONGEST_DELAY_MS;
    timer = rest > 0 ? runtime.setTimeout(() => arm(rest), LONGEST_DELAY_MS) : runtime.setTimeout(fn, left);
    if (!awaited) timer.unref();
  };
  outside(() => arm(ms));
  return () => runtime.clearTimeout(timer);
}

/** Resolves after `ms`. `awaited` keeps the process alive meanwhile. */
export function pause(ms: number, { awaited = true } = {}): Promise<void> {
  return new Promise((resolve) => void after(ms, resolve, { awaited }));
}

/** What the promise resolves to, or undefined when that takes longer; somebody awaits it. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, () => resolve(undefined), { awaited: true });
    promise.finally(cancel).then(resolve, reject);
  });
}

/** Asks again after each error, `ms` later, until there is an answer; undefined when it is over before. */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  isOver: () => boolean,
  ms: number,
): Promise<T | undefined> {
  let answer: T | undefined;
  while (answer === undefined && !isOver()) {
    answer = await ask().catch(() => undefined);
    if (answer === undefined) await pause(ms);
  }
  return answer;
}

/** What a watchdog watches. The watchdog's own notes. */
export interface Watched<T> extends Linked<T> {
  /** When it takes too long; 0: it is not watched. */
  overdueAt: number;
}

/**
 * Calls `overdue` with whatever takes longer than `ms`. One timer for all, since all may take equally long: a timer of its
 * own for each costs more than what it watches. Somebody awaits what is watched, so the process lives meanwhile.
 */
export class Watchdog<T extends Watched<T>> {
  readonly #ms: number;
  readonly #overdue: (item: T) => void;
  /** In the order of their times. */
  readonly #watched = new Line<T>();
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, overdue: (item: T) => void) {
    this.#ms = ms;
    this.#overdue = overdue;
  }

  watch(item: T): void {
    item.overdueAt = runtime.monotonic() + this.#ms;
    this.#watched.add(item);
    if (!this.#timer && !this.#isLooking) this.#armFor(item);
  }

  callOff(item: T): void {
    if (item.overdueAt === 0) return;
    item.overdueAt = 0;
    this.#watched.remove(item);
    if (this.#watched.size === 0) this.#disarm();
  }

  /** All are overdue: nobody waits any longer. */
  hurry(): void {
    this.#disarm();
    for (const item of this.#watched.all()) if (item.overdueAt > 0) this.#call(item);
  }

  #call(item: T): void {
    this.callOff(item);
    this.#overdue(item);
  }

  #disarm(): void {
    if (this.#timer) runtime.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #armFor({ overdueAt }: T): void {
    const ms = Math.max(0, overdueAt - runtime.monotonic());
    outside(() => {
      this.#timer = runtime.setTimeout(() => this.#look(), ms);
    });
  }

  #look(): void {
    this.#timer = undefined;
    this.#isLooking = true;
    const now = runtime.monotonic();
    for (let next = this.#watched.first; next && next.overdueAt <= now; next = this.#watched.first) this.#call(next);
    this.#isLooking = false;
    if (this.#watched.first) this.#armFor(this.#watched.first);
  }
}
