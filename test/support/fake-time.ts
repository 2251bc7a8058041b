import { afterEach, beforeEach, vi } from 'vitest';
import type { Clock } from '../../lib/core/clock.js';

/** The tests of this file run in fake time: timers, `Date` and `performance`. */
export function useFakeTime(): void {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
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
