import type { Busy, Owner } from '../../../core/lock-store.js';

/** Of several refusals, one. `lacking`: how many votes are needed yet. */
export function refusal(refusals: readonly Busy[], lacking: number): Busy {
  const ends = refusals.map(({ retryAfter }) => retryAfter ?? Number.MAX_VALUE).sort((a, b) => a - b);
  const end = ends[Math.min(lacking, ends.length) - 1] ?? 0;
  const alive = refusals.map(({ aliveFor }) => aliveFor).filter((aliveFor) => aliveFor !== undefined);
  return {
    granted: false,
    retryAfter: end === Number.MAX_VALUE ? null : end,
    // The same place in all the queues, from the next attempt on: so that they serve the same waiter first.
    ticket: Math.max(...refusals.map(({ ticket }) => ticket)),
    rank: Math.max(...refusals.map(({ rank }) => rank)),
    holder: commonHolder(refusals).holder,
    ...(refusals.some(({ foreign }) => foreign) ? { foreign: true } : {}),
    // It has to be heard of in each of the queues.
    ...(alive.length > 0 ? { aliveFor: Math.min(...alive) } : {}),
  };
}

/** The owner that most of them name, and how many do; undefined for a lock that is only kept back. */
export function commonHolder(refusals: readonly Busy[]): { holder: Owner | undefined; count: number } {
  const counts = refusals.map(({ holder }) => refusals.filter((other) => other.holder === holder).length);
  const count = Math.max(0, ...counts);
  return { holder: refusals[counts.indexOf(count)]?.holder, count };
}
