// Rule 9: a process that lives and waits is served within a bound, as long as others are.
import { CONNECTED_WITHIN_MS, STARVED_AFTER_MS, STARVED_AFTER_TURNS } from './bounds.js';
import {
  byName,
  gapsIn,
  type History,
  type Hold,
  lengthOf,
  type Request,
  type Span,
  touches,
  type Violation,
  waitOf,
} from './model.js';

/** Grants that are closer to each other are one turn: those of one process, or of sharers. */
const TURN_MS = 1_000;

export interface StarvationBounds {
  /** For how long the process waits without a grant, in ms; while something that touches it is broken does not count. */
  readonly within: number;
  /** How many turns others have meanwhile who asked later. */
  readonly turns: number;
  /** For how long after a fault a process may still be without a connection, in ms. */
  readonly recovery: number;
}

const DEFAULT_BOUNDS: StarvationBounds = {
  within: STARVED_AFTER_MS,
  turns: STARVED_AFTER_TURNS,
  recovery: CONNECTED_WITHIN_MS,
};

/** A slow machine breaks nobody: then the others have few turns as well. */
export function checkStarvation(history: History, bounds = DEFAULT_BOUNDS): Violation[] {
  const grants = byName([...history.holds].sort((a, b) => a.granted.at - b.granted.at));
  return history.requests.flatMap((waiter) => starved(waiter, grants.get(waiter.name) ?? [], history, bounds));
}

function starved(
  waiter: Request,
  grants: readonly Hold[],
  history: History,
  { within, turns, recovery }: StarvationBounds,
): Violation[] {
  const wait = waitOf(waiter, history);
  if (lengthOf(wait) <= within) return [];
  const broken = history.faults
    .filter((fault) => touches(fault, waiter) && !fault.spares?.includes('waiters'))
    .map(({ from, until }) => ({ from, until: until + recovery }));
  for (const stretch of unserved(wait, waiter, grants)) {
    const clear = gapsIn(stretch, broken);
    const waited = clear.map(lengthOf).reduce((sum, each) => sum + each, 0);
    if (waited <= within) continue;
    const overtook = grants.filter(({ worker, askedAt }) => worker !== waiter.worker && askedAt > stretch.from);
    const seen = countTurns(overtook.filter(({ granted }) => clear.some((span) => contains(span, granted.at))));
    if (seen < turns) continue;
    const text = `${waiter.worker} waited ${Math.round(waited)} ms for ${waiter.name} while later ones had ${seen} turns`;
    return [{ rule: '9 no starvation', text, about: [waiter.request] }];
  }
  return [];
}

/** The parts of a wait between the grants that the same process had for others of its callers. */
function unserved({ from, until }: Span, { worker }: Request, grants: readonly Hold[]): Span[] {
  const own = grants.filter((hold) => hold.worker === worker).map(({ granted }) => granted.at);
  const ends = [...own.filter((at) => at > from && at < until), until];
  return ends.map((end, index) => ({ from: ends[index - 1] ?? from, until: end }));
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
