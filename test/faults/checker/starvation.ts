// Rule 9: a process that lives and waits is served within a bound, as long as others are.
import { CONNECTED_WITHIN_MS, OVERTAKEN_MS, STARVED_AFTER_MS, STARVED_AFTER_TURNS } from './bounds.js';
import {
  byName,
  gapsIn,
  type History,
  type Hold,
  lengthOf,
  prolong,
  type Request,
  SLOW_MACHINE,
  type Span,
  sparesWaiters,
  touches,
  type Violation,
  waitOf,
} from './model.js';

/** Grants that are closer to each other are one turn: those of one process, or of sharers. */
const TURN_MS = 1_000;

export interface StarvationBounds {
  /** For how long the process waits without a grant, in ms; while something that touches it is broken does not count. */
  readonly within: number;
  /** The same, when so much time has passed since the last fault that spares waiters: then the queue is in order again. */
  readonly overtaken: number;
  /** How many turns others have meanwhile who asked later. */
  readonly turns: number;
  /** For how long after a fault a process may still be without a connection, in ms. */
  readonly recovery: number;
}

const DEFAULT_BOUNDS: StarvationBounds = {
  within: STARVED_AFTER_MS,
  overtaken: OVERTAKEN_MS,
  turns: STARVED_AFTER_TURNS,
  recovery: CONNECTED_WITHIN_MS,
};

/** A slow machine breaks nobody: then the others have few turns as well. */
export function checkStarvation(history: History, bounds = DEFAULT_BOUNDS): Violation[] {
  const grants = byName([...history.holds].sort((a, b) => a.granted.at - b.granted.at));
  const requests = byName(history.requests);
  return history.requests.flatMap((waiter) => {
    const ofName = { requests: requests.get(waiter.name) ?? [], grants: grants.get(waiter.name) ?? [] };
    return starved(waiter, ofName, history, bounds);
  });
}

function starved(
  waiter: Request,
  { requests, grants }: { readonly requests: readonly Request[]; readonly grants: readonly Hold[] },
  history: History,
  { within, overtaken, turns, recovery }: StarvationBounds,
): Violation[] {
  const wait = waitOf(waiter, history);
  if (lengthOf(wait) <= overtaken) return [];
  const faults = history.faults.filter((fault) => touches(fault, waiter));
  const broken = faults
    .filter((fault) => !sparesWaiters(fault))
    .map((fault) => prolong(fault, fault.nemesis === SLOW_MACHINE ? 0 : recovery));
  const late = faults.filter(sparesWaiters).map((fault) => prolong(fault, within + recovery));
  for (const stretch of unserved(wait, waiter, requests)) {
    const overtook = grants.filter(({ worker, askedAt }) => worker !== waiter.worker && askedAt > stretch.from);
    for (const { clear, bound } of [
      { clear: gapsIn(stretch, broken), bound: within },
      { clear: gapsIn(stretch, [...broken, ...late]), bound: overtaken },
    ]) {
      const waited = clear.map(lengthOf).reduce((sum, each) => sum + each, 0);
      if (waited <= bound) continue;
      const seen = countTurns(overtook.filter(({ granted }) => clear.some((span) => contains(span, granted.at))));
      if (seen < turns) continue;
      const text = `${waiter.worker} waited ${Math.round(waited)} ms for ${waiter.name} while later ones had ${seen} turns`;
      return [{ rule: '9 no starvation', text, about: [waiter.request] }];
    }
  }
  return [];
}

/** The parts of a wait between the ends of others of the same process: a caller that gives up loses the place for all. */
function unserved({ from, until }: Span, { worker }: Request, requests: readonly Request[]): Span[] {
  const own = requests.filter((request) => request.worker === worker);
  const ends = own.map(({ granted, refused }) => (granted ?? refused)?.at ?? until);
  const inside = ends.filter((at) => at > from && at < until).sort((a, b) => a - b);
  return [...inside, until].map((end, index) => ({ from: inside[index - 1] ?? from, until: end }));
}

function countTurns(grants: readonly Hold[]): number {
  let [count, last] = [0, Number.NEGATIVE_INFINITY];
  for (const { granted } of grants) {
    if (granted.at - last < TURN_MS) continue;
    last = granted.at;
    count += 1;
  }
  return count;
}

function contains({ from, until }: Span, at: number): boolean {
  return at >= from && at <= until;
}
