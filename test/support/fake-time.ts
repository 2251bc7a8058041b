import { afterEach, beforeEach, vi } from 'vitest';
import { type Clock } from '../../lib/core/clock.js';
import { type Runtime, runtime } from '../../lib/core/runtime.js';

type Fakes = Parameters<typeof vi.useFakeTimers>[0];

const real: Runtime = { ...runtime };

/** The globals of the moment, which Vitest fakes. The library keeps those that it was loaded with. */
const globals: Runtime = {
  ...real,
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer),
  setImmediate: (fn) => void setImmediate(fn),
  queueMicrotask: (fn) => queueMicrotask(fn),
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};

/** The tests of this file, or of this `describe`, run in fake time: timers, `Date` and `performance`. */
export function useFakeTime(fakes?: Fakes): void {
  beforeEach(() => fakeTime(fakes));
  afterEach(() => realTime());
}

/** From now on time is fake, for the library, too. */
export function fakeTime(fakes?: Fakes): void {
  vi.useFakeTimers(fakes);
  // Itself, since the library looks whether it is a fake.
  Object.assign(runtime, globals, { nextTick: process.nextTick });
}

export function realTime(): void {
  vi.useRealTimers();
  Object.assign(runtime, real);
}

/** Lets `ms` pass, and everything happen that follows from it. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

/** The fake time as a clock, which can run ahead of the timers, as after a stall of the event loop. */
export class FakeClock implements Clock {
  #ahead = 0;

  now(): number {
    return performance.now() + this.#ahead;
  }

  /** The time has passed, and no timer has fired yet. */
  stall(ms: number): void {
    this.#ahead += ms;
  }
}
