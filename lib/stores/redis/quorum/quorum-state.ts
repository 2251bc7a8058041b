import type { Owner, StoreHolder, StoreState, StoreWaiter } from '../../../core/lock-store.js';

/** What most of the servers say of a lock; those who have it in fewer of them are no holders. */
export function quorumState(states: readonly StoreState[], majority: number): StoreState {
  const holders = [...byOwner(states.flatMap((state) => state.holders)).values()]
    .filter((holds) => holds.length >= majority)
    .map((holds) => holderOf(holds, majority));
  const held = new Set(holders.map(({ owner }) => owner));
  const waiting = [...byOwner(states.flatMap((state) => state.waiting)).values()]
    .map((places) => places.reduce((one, other) => (other.waited > one.waited ? other : one)))
    .filter(({ owner }) => !held.has(owner));
  return {
    holders,
    waiting: waiting.sort((a: StoreWaiter, b: StoreWaiter) => b.waited - a.waited),
    lastToken: holders[0]?.token ?? null,
  };
}

/** The highest token that most servers have reached; one of them may have a higher one, which nobody was given. */
function mostReached(all: readonly (number | null)[], majority: number): number | null {
  const tokens = all.filter((token) => token !== null).sort((a, b) => b - a);
  return tokens[Math.min(majority, tokens.length) - 1] ?? null;
}

/** The hold lasts for as long as most of the servers have it. */
function holderOf(holds: readonly StoreHolder[], majority: number): StoreHolder {
  const sorted = [...holds].sort((a, b) => endOf(b) - endOf(a));
  const last = sorted[majority - 1] as StoreHolder;
  const tokens = holds.map(({ token }) => token);
  return { ...last, token: mostReached(tokens, majority) };
}

function endOf({ remaining }: StoreHolder): number {
  return remaining ?? Number.MAX_VALUE;
}

function byOwner<T extends { readonly owner: Owner }>(entries: readonly T[]): Map<Owner, T[]> {
  const groups = new Map<Owner, T[]>();
  for (const entry of entries) groups.set(entry.owner, [...(groups.get(entry.owner) ?? []), entry]);
  return groups;
}
