import { uptime } from 'node:os';
import { runtime } from './runtime.js';

/** What leases are measured by. */
export interface Clock {
  /** Milliseconds since some moment; never goes back, and goes on while the machine sleeps. */
  now(): number;
}

/** Beyond this, the wall clock has been set or the machine has slept. */
const SUSPICIOUS_MS = 100;

/**
 * The monotonic clock of the process, plus the time that the machine slept, during which Linux stops it. `Date` only
 * raises the suspicion; the uptime of the machine, which nobody can set and which counts sleep, confirms it.
 */
class SystemClock implements Clock {
  #slept = 0;
  #wall = runtime.wall() - runtime.monotonic();
  #boot = uptime() * 1000 - runtime.monotonic();

  now(): number {
    const monotonic = runtime.monotonic();
    const wall = runtime.wall() - monotonic;
    if (Math.abs(wall - this.#wall) > SUSPICIOUS_MS) this.#examine(wall, monotonic);
    return monotonic + this.#slept;
  }

  #examine(wall: number, monotonic: number): void {
    this.#wall = wall;
    const asleep = uptime() * 1000 - monotonic - this.#boot;
    if (asleep > this.#slept + SUSPICIOUS_MS) this.#slept = asleep;
  }
}

export const systemClock: Clock = new SystemClock();
