import type { HistoryEvent } from '../history/event.js';
import { NAMES } from '../worker/orders.js';
import { checkBeliefs } from './beliefs.js';
import { checkDeadlines, type Lateness, measureLateness } from './deadlines.js';
import { checkExclusion } from './exclusion.js';
import { checkLeftovers } from './leftovers.js';
import { type History, readModel, type Violation } from './model.js';
import { checkOrder } from './order.js';
import { countOverlaps } from './overlaps.js';
import { checkOwners } from './owners.js';
import { checkTokens } from './tokens.js';
import { checkWaiters } from './waiters.js';

export interface Verdict {
  readonly history: History;
  readonly violations: readonly Violation[];
  readonly overlaps: ReadonlyMap<string, number>;
  readonly lateness: Lateness;
  readonly pairs: { readonly checked: number; readonly excluded: number };
}

/** Looks at a whole history, in the order of time. `quorum`: the store is one, and promises less of order and permits. */
export function check(events: readonly HistoryEvent[], { quorum = false } = {}): Verdict {
  const history = readModel(events);
  const order = quorum ? { violations: [], checked: 0, excluded: 0 } : checkOrder(history, NAMES.fifo);
  const violations = [
    ...checkExclusion(history),
    ...checkBeliefs(history),
    ...checkTokens(history),
    ...checkDeadlines(history),
    ...checkWaiters(history),
    ...order.violations,
    ...checkOwners(history, quorum),
    ...checkLeftovers(history),
  ];
  return { history, violations, overlaps: countOverlaps(history), lateness: measureLateness(history), pairs: order };
}
