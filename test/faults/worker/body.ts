import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../history/event.js';
import type { Random } from '../random.js';
import type { WitnessedLock } from './witnessed-lock.js';

/** The body under a lock: guarded writes with pauses between them, for as long as it is held. */
export async function hold(random: Random, lock: WitnessedLock): Promise<void> {
  const end = now() + drawDuration(random);
  const extendsOnce = random.chance(0.1);
  let stalls = random.chance(0.01);
  // Some go on to the end although it is lost, and release it then.
  const stubborn = random.chance(0.5);
  do {
    if (!(await lock.write()) && !stubborn) return;
    await sleep(random.integer(3, 25));
    if (stalls) await stall(random, lock);
    stalls = false;
  } while (now() < end);
  if (extendsOnce) await lock.extend(random.chance(0.5) ? random.integer(1_000, 2_500) : undefined);
  await lock.write();
}

/** The event loop stands still, perhaps beyond the lease, right before a write. */
async function stall(random: Random, lock: WitnessedLock): Promise<void> {
  const { deadline } = lock;
  lock.stall(random.integer(300, 2_500));
  await lock.write(deadline);
}

function drawDuration(random: Random): number {
  return random.weighted<() => number>([
    [75, () => random.integer(3, 40)],
    [22, () => random.integer(40, 300)],
    [3, () => random.integer(1_000, 4_500)],
  ])();
}
