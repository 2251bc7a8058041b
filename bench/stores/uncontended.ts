import { monotonic } from '../support/clock.js';
import type { LockClient } from './contestant.js';

/** Pairs of acquire and release per second, `lanes` at a time, each on a name of its own. */
export async function pairsPerSecond(client: LockClient, lanes: number, ms: number): Promise<number> {
  const start = monotonic();
  const end = start + ms;
  let pairs = 0;
  const lane = async (name: string): Promise<void> => {
    while (monotonic() < end) {
      const release = await client.acquire(name);
      await release();
      pairs += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, index) => lane(`lane-${index}`)));
  return (pairs / (monotonic() - start)) * 1_000;
}
