import type { HistoryEvent } from '../history/event.js';
import { NAMES } from '../worker/orders.js';
import { checkBeliefs } from './beliefs.js';
import { checkDeadlines, type Lateness, measureLateness } from './deadlines.js';
import { checkExclusion } from './exclusion.js';
import { checkFrames } from './frames.js';
import { checkHarm } from './harm.js';
import { checkLeftovers } from './leftovers.js';
import { type History, readModel, type Violation } from './model.js';
import { checkOnce, type OnceResult } from './once.js';
import { checkOrder } from './order.js';
import { countOverlaps } from './overlaps.js';
import { checkOwners } from './owners.js';
import { checkStarvation } from './starvation.js';
import { checkTokens } from './tokens.js';
import { checkWaiters } from './waiters.js';

export interface Verdict {
  readonly history: History;
  readonly violations: readonly Violation[];
  readonly overlaps: ReadonlyMap<string, number>;
  readonly lateness: Lateness;
  readonly once: OnceResult;
  readonly pairs: { readonly checked: number; readonly excluded: number };
}

/**
 * Looks at a whole history, in the order of time. `quorum`: the store is one of so many servers, and promises less of
 * order and permits.
 */
export function check(events: readonly HistoryEvent[], { quorum = 0 } = {}): Verdict {
  const history = readModel(events);
  const once = checkOnce(history, quorum);
  const order = quorum > 0 ? { violations: [], checked: 0, excluded: 0 } : checkOrder(history, NAMES.fifo);
  const violations = [
    ...checkExclusion(history),
    ...checkBeliefs(history),
    ...checkTokens(history),
    ...checkDeadlines(history),
    ...checkWaiters(history),
    ...order.violations,
    ...checkOwners(history, quorum),
    ...checkLeftovers(history),
    ...once.violations,
    ...checkStarvation(history),
    ...checkFrames(history),
    ...checkHarm(history),
  ];
  const [overlaps, lateness] = [countOverlaps(history), measureLateness(history)];
  return { history, violations, overlaps, lateness, once, pairs: order };
}
