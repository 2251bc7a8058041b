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

/** What a watchdog is to call, unless it is called off before. */
export interface Watched {
  readonly at: number;
  fn: (() => void) | undefined;
  /** It was called, or called off. */
  isOver: boolean;
}

/**
 * Calls whatever takes longer than `ms`. One timer for all, since all may take equally long: a timer of its own for each
 * costs more than what it watches. Somebody awaits what is watched, so the process lives meanwhile.
 */
export class Watchdog {
  readonly #ms: number;
  /** In the order of their times. Those that are over may stay until then. */
  readonly #watched: Watched[] = [];
  #open = 0;
  #isLooking = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  watch(fn: () => void): Watched {
    const watched = { at: runtime.monotonic() + this.#ms, fn, isOver: false };
    this.#watched.push(watched);
    this.#open += 1;
    if (!this.#timer && !this.#isLooking) this.#armFor(watched);
    return watched;
  }

  /** Calls at once whatever is watched: nobody waits any longer. */
  hurry(): void {
    for (const watched of this.#disarm()) this.#call(watched);
  }

  callOff(watched: Watched): void {
    if (watched.isOver) return;
    this.#end(watched);
    if (this.#open === 0 && !this.#isLooking) this.#disarm();
  }

  /** Returns what was watched. */
  #disarm(): Watched[] {
    if (this.#timer) runtime.clearTimeout(this.#timer);
    this.#timer = undefined;
    return this.#watched.splice(0);
  }

  #call(watched: Watched): void {
    const { fn } = watched;
    if (watched.isOver) return;
    this.#end(watched);
    fn?.();
  }

  #end(watched: Watched): void {
    watched.isOver = true;
    watched.fn = undefined;
    this.#open -= 1;
  }

  #armFor({ at }: Watched): void {
    const ms = Math.max(0, at - runtime.monotonic());
    outside(() => {
      this.#timer = runtime.setTimeout(() => this.#look(), ms);
    });
  }

  #look(): void {
    this.#timer = undefined;
    this.#isLooking = true;
    const now = runtime.monotonic();
    let over = 0;
    for (let next = this.#watched[0]; next && (next.isOver || next.at <= now); next = this.#watched[over]) {
      over += 1;
      this.#call(next);
    }
    this.#watched.splice(0, over);
    this.#isLooking = false;
    const [next] = this.#watched;
    if (next && this.#open > 0) this.#armFor(next);
  }
}
