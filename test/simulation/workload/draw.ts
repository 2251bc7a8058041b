import type { Random } from '../../faults/random.js';
import { NAMES } from '../../faults/worker/orders.js';
import type { Wish } from './calls.js';

const POOL_PERMITS = 2;
export const LONG_WAIT_MS = 20_000;

export function drawWish(random: Random, retains: boolean): Wish {
  const name = random.pick([...NAMES.exclusive, NAMES.readers, NAMES.pool]);
  const wait = random.weighted([
    [2, 100],
    [3, 2_000],
    [5, LONG_WAIT_MS],
  ]);
  const options: Wish['options'] = { wait, ttl: random.integer(1_000, 2_000), ...drawTerms(random, retains) };
  if (name === NAMES.pool && random.chance(0.9)) Object.assign(options, { mode: 'shared', permits: POOL_PERMITS });
  if (name === NAMES.readers && random.chance(0.75)) options.mode = 'shared';
  return { name, options };
}

export function drawTerms(random: Random, retains: boolean): { maxHold?: number; renew?: false; holdAtLeast?: number } {
  const drawn = random.next();
  if (drawn < 0.05) return { maxHold: random.integer(100, 2_000) };
  if (drawn < 0.1) return { renew: false };
  return retains && drawn < 0.15 ? { holdAtLeast: random.integer(50, 400) } : {};
}

/** For how long a body runs, in ms. */
export function drawDuration(random: Random): number {
  return random.weighted<() => number>([
    [70, () => random.integer(3, 60)],
    [26, () => random.integer(60, 600)],
    [4, () => random.integer(1_000, 4_500)],
  ])();
}
