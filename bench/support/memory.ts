import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes. */
export interface Memory {
  heap: number;
  rss: number;
}

/** What is in use after a full collection; needs `--expose-gc`. */
export async function memory(): Promise<Memory> {
  // Twice, with a pause for what is let go only by finalizers and by callbacks that are under way.
  for (let count = 0; count < 2; count += 1) {
    globalThis.gc?.();
    await sleep(20);
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}
