/** Two held one lock at once: the figures of such a lock are worth nothing. */
export class ExclusionError extends Error {
  override readonly name = 'ExclusionError';
}

/** Throws when two bodies overlap. `bodies` has one array per process: entered, left, entered, left, in ms. */
export function assertExclusive(bodies: readonly Float64Array[], what: string): void {
  const all: { entered: number; left: number }[] = [];
  for (const list of bodies) {
    for (let at = 0; at < list.length; at += 2) all.push({ entered: list[at] ?? 0, left: list[at + 1] ?? 0 });
  }
  all.sort((a, b) => a.entered - b.entered);
  let freeFrom = 0;
  for (const { entered, left } of all) {
    if (entered < freeFrom) {
      throw new ExclusionError(`${what}: two held it at once, for ${(freeFrom - entered).toFixed(3)} ms.`);
    }
    freeFrom = left;
  }
}
