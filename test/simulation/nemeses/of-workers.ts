import type { Random } from '../../faults/random.js';
import { slotOf } from '../../faults/slot.js';
import type { Worker } from '../workload/worker.js';
import type { World } from '../world.js';
import type { Nemesis } from './nemesis.js';

const HOUR_MS = 3_600_000;
/** Longer than the grace of a shutdown, and the time that sockets take to close. */
const CLOSES_WITHIN_MS = 9_000;

function ofWorker(
  name: string,
  weight: number,
  act: (worker: Worker, ms: number, world: World, random: Random) => Promise<void>,
): Nemesis {
  return {
    name,
    weight,
    on: 'workers',
    draw({ world, random, victim }) {
      const worker = victim();
      if (!worker) return undefined;
      const ms = random.integer(300, 4_000);
      return { victim: worker, note: `${ms} ms`, act: () => act(worker, ms, world, random) };
    },
  };
}

export const OF_WORKERS: readonly Nemesis[] = [
  ofWorker('worker-kill', 2, async (worker, ms, world) => {
    world.kill(worker);
    await world.sleep(ms / 3);
    await world.start(slotOf(worker.name), world.generationAfter(worker));
  }),
  ofWorker('worker-close', 1, async (worker, ms, world) => {
    await world.dismiss(worker, CLOSES_WITHIN_MS);
    await world.sleep(ms / 3);
    await world.start(slotOf(worker.name), world.generationAfter(worker));
  }),
  ofWorker('worker-pause', 2, async ({ process }, ms, world) => {
    process.pause(ms);
    await world.sleep(ms);
  }),
  ofWorker('worker-sleep', 1, async ({ process }, ms, world) => {
    process.pause(ms, { asleep: true });
    await world.sleep(ms);
  }),
  ofWorker('worker-clock', 1, async ({ process }, ms, world, random) => {
    process.wallOffset = random.chance(0.5) ? HOUR_MS : -HOUR_MS;
    await world.sleep(ms);
    process.wallOffset = 0;
  }),
];
