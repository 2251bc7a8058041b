import type { ProcessFacts } from '../core/facts.js';
import { instanceOf } from '../core/instance.js';
import type { Locker } from '../core/locker.js';

/** So many locks wait for each other in a circle at the most, and so many ways are followed at once. */
const LONGEST = 16;
const WIDEST = 100;

/**
 * The circle of waits that goes from `wanted` to one of the names that the caller holds itself: each lock is held by a call
 * chain that waits for the next one. Undefined: none is found, among the processes that answer. Nothing is locked meanwhile,
 * so a circle that is just being formed, or broken, may be missed; one that is found was there a moment ago.
 */
export async function cycleFrom(
  locker: Locker,
  wanted: string,
  held: readonly string[],
): Promise<readonly string[] | undefined> {
  const seen = new Set([wanted]);
  let ways: readonly (readonly string[])[] = [[wanted]];
  for (let step = 1; step < LONGEST && ways.length > 0; step += 1) {
    const facts = await factsOfHolders(
      locker,
      ways.map((way) => way.at(-1) as string),
    );
    const longer: string[][] = [];
    for (const way of ways) {
      for (const next of waitedForBy(way.at(-1) as string, facts)) {
        if (held.includes(next)) return [...way, next];
        if (!seen.has(next)) longer.push([...way, next]);
        seen.add(next);
      }
    }
    ways = longer.slice(0, WIDEST);
  }
  return undefined;
}

async function factsOfHolders(locker: Locker, names: readonly string[]): Promise<readonly ProcessFacts[]> {
  const states = await Promise.all(names.map((name) => locker.calls.look(name)));
  const holders = states.flatMap((state) => state.holders.map(({ owner }) => instanceOf(owner)));
  return [...(await locker.ask(holders, names)).values()];
}

/** What those wait for who hold the name meanwhile. */
function waitedForBy(name: string, facts: readonly ProcessFacts[]): readonly string[] {
  return facts.flatMap(({ waiting }) => waiting.filter(({ holds }) => holds?.includes(name)).map((each) => each.name));
}
