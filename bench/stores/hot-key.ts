import { monotonic } from '../support/clock.js';
import { CONTESTANTS, type ContestantName } from './contestant.js';
import { assertExclusive } from './witness.js';
import type { Crowd } from './worker.js';
import { WorkerProcess } from './worker-process.js';

const LEAD_MS = 50;

export interface CrowdSize {
  readonly processes: number;
  /** In each of them. */
  readonly waiters: number;
}

export interface HotKeyFigures {
  readonly bodiesPerSecond: number;
  readonly longestWait: number;
}

/** Waiters in several processes on one name: with an empty body, and with one of 1 ms. */
export async function hotKey(
  contestant: ContestantName,
  address: string,
  { processes, waiters }: CrowdSize,
  ms: number,
): Promise<{ empty: HotKeyFigures; working: HotKeyFigures }> {
  const starting = Array.from({ length: processes }, () => WorkerProcess.start(contestant, address));
  const workers = await Promise.all(starting);
  const run = (bodyMs: number, runMs: number): Promise<HotKeyFigures> => {
    const start = monotonic() + LEAD_MS;
    return crowd(contestant, workers, { name: `hot-${bodyMs}`, waiters, bodyMs, start, end: start + runMs });
  };
  try {
    await run(0, ms / 4); // The processes are new; what they do first is not counted.
    return { empty: await run(0, ms), working: await run(1, ms) };
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
  }
}

async function crowd(
  contestant: ContestantName,
  workers: readonly WorkerProcess[],
  order: Crowd,
): Promise<HotKeyFigures> {
  const answers = await Promise.all(workers.map((worker) => worker.call({ crowd: order })));
  const bodies = answers.map((answer) => answer.bodies);
  assertExclusive(bodies, `${CONTESTANTS[contestant].title}, hot key`);
  let inTime = 0;
  for (const list of bodies) {
    for (let at = 0; at < list.length; at += 2) if ((list[at] ?? order.end) < order.end) inTime += 1;
  }
  // What was still waiting at the end is waited for, so that a starved waiter shows.
  const longestWait = Math.max(...answers.map((answer) => answer.longestWait));
  return { bodiesPerSecond: (inTime / (order.end - order.start)) * 1_000, longestWait };
}
