import type { Locks } from '../contestants/contestant.js';

/** So many loops at once acquire and release, each on its own `names` names, for so many ms. */
export async function runLoops(
  locks: Locks,
  { loops, names, ms }: { loops: number; names: number; ms: number },
): Promise<{ pairs: number; seconds: number }> {
  const start = performance.now();
  const end = start + ms;
  let pairs = 0;
  const loop = async (_: unknown, index: number): Promise<void> => {
    for (let count = 0; performance.now() < end; count += 1) {
      await locks.release(await locks.acquire(`bench:${index}:${count % names}`));
      pairs += 1;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return { pairs, seconds: (performance.now() - start) / 1e3 };
}
