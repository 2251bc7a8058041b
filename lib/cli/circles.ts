import type { ListedLock, ListedWaiter } from '../features/list.js';

export interface Circle {
  /** Each is held by a call chain that waits for the next one, the last by one that waits for the first. */
  readonly names: readonly string[];
  /** The one that has waited for the shortest time, and for which lock. */
  readonly giveWay: ListedWaiter & { readonly name: string };
}

interface Wait {
  readonly from: string;
  readonly to: string;
  readonly waiter: ListedWaiter;
}

/** The circles of waits among these locks, each once. */
export function circlesIn(locks: readonly ListedLock[]): Circle[] {
  const waits = locks.flatMap(({ name, waiting }) =>
    waiting.flatMap((waiter) => waiter.holds.map((held): Wait => ({ from: held, to: name, waiter }))),
  );
  const from = new Map<string, Wait[]>();
  for (const wait of waits) from.set(wait.from, [...(from.get(wait.from) ?? []), wait]);
  const circles: Circle[] = [];
  const done = new Set<string>();
  for (const start of from.keys()) {
    const way = done.has(start) ? undefined : wayBack(start, from);
    if (!way) continue;
    for (const wait of way) done.add(wait.from);
    const youngest = way.reduce((one, other) => (other.waiter.waited < one.waiter.waited ? other : one));
    circles.push({ names: way.map((wait) => wait.from), giveWay: { ...youngest.waiter, name: youngest.to } });
  }
  return circles;
}

/** The shortest way of waits that leads from a name back to it. */
function wayBack(start: string, from: ReadonlyMap<string, readonly Wait[]>): readonly Wait[] | undefined {
  const seen = new Set<string>();
  const ways: (readonly Wait[])[] = [[]];
  for (let way = ways.shift(); way; way = ways.shift()) {
    const next = from.get(way.at(-1)?.to ?? start) ?? [];
    const last = next.find(({ to }) => to === start);
    if (last) return [...way, last];
    for (const wait of next.filter(({ to }) => !seen.has(to))) {
      seen.add(wait.to);
      ways.push([...way, wait]);
    }
  }
  return undefined;
}
