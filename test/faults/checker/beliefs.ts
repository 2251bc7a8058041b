// Whoever believes to hold is alone, or among as many as the permits say, unless the store was made to forget.
import { excuseFor } from './excuse.js';
import {
  beliefOf,
  byName,
  type History,
  type Hold,
  isExclusive,
  isOneHold,
  overlap,
  type Span,
  type Violation,
} from './model.js';

interface Belief {
  readonly hold: Hold;
  readonly span: Span;
}

export function checkBeliefs(history: History): Violation[] {
  return [...byName(history.holds).values()].flatMap((holds) => checkName(holds, history));
}

function checkName(holds: readonly Hold[], history: History): Violation[] {
  const beliefs = holds
    .flatMap((hold) => {
      const span = beliefOf(hold);
      return span ? [{ hold, span }] : [];
    })
    .sort((a, b) => a.span.from - b.span.from);
  const violations: Violation[] = [];
  let active: Belief[] = [];
  for (const belief of beliefs) {
    active = active.filter(({ span }) => overlap(span, belief.span));
    for (const others of conflicts(belief, active)) {
      const excuses = others.some((other) => excused(other.hold, belief.hold, history));
      if (!excuses) violations.push(violation(belief, others));
    }
    active.push(belief);
  }
  return violations;
}

/** Those who may not hold at the same time: each writer by itself, or all readers that together are too many. */
function conflicts({ hold }: Belief, active: readonly Belief[]): (readonly Belief[])[] {
  const others = active.filter((other) => !isOneHold(other.hold, hold));
  const alone = isExclusive(hold) ? others : others.filter((other) => isExclusive(other.hold));
  if (alone.length > 0) return alone.map((other) => [other]);
  if (isExclusive(hold)) return [];
  // Whoever comes in has to fit the bound of everybody inside, too.
  const inside = new Map([...others, { hold }].map((each) => [each.hold.root, each.hold.permits]));
  return inside.size > Math.min(...inside.values()) ? [others] : [];
}

function excused(a: Hold, b: Hold, history: History): boolean {
  // In the order of the grants: whoever was stopped hears of its own after that of the next.
  const order = a.granted.token - b.granted.token || a.granted.at - b.granted.at;
  const [earlier, later] = order < 0 ? [a, b] : [b, a];
  return excuseFor(earlier, later, history) !== undefined;
}

function violation({ hold, span }: Belief, others: readonly Belief[]): Violation {
  const until = Math.min(span.until, Math.max(...others.map((other) => other.span.until)));
  const text = `${hold.name} was believed to be held by too many for ${(until - span.from).toFixed(1)} ms`;
  return { rule: '1 exclusion by belief', text, about: [...others.map((other) => other.hold.request), hold.request] };
}
