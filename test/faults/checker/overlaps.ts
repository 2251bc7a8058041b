// No rule: how often holders overlapped in real time, and why. Fencing is there for these.
import { excuseFor } from './excuse.js';
import { byName, type History, type Hold, isExclusive, isOneHold, type Span, spanOf, touches } from './model.js';

/** The number of overlaps by their cause. */
export function countOverlaps(history: History): Map<string, number> {
  const counts = new Map<string, number>();
  for (const holds of byName(history.holds).values()) {
    const spans = holds.map((hold) => ({ hold, span: spanOf(hold, history) }));
    spans.sort((a, b) => a.span.from - b.span.from);
    let active: typeof spans = [];
    for (const current of spans) {
      active = active.filter(({ span }) => span.until > current.span.from);
      for (const { hold } of active.filter((other) => isInTheWay(other.hold, current.hold))) {
        const cause = causeOf(hold, current.hold, current.span, history);
        counts.set(cause, (counts.get(cause) ?? 0) + 1);
      }
      active.push(current);
    }
  }
  return counts;
}

function isInTheWay(a: Hold, b: Hold): boolean {
  return !isOneHold(a, b) && (isExclusive(a) || isExclusive(b));
}

function causeOf(earlier: Hold, later: Hold, span: Span, history: History): string {
  const excuse = excuseFor(earlier, later, history);
  if (excuse) return excuse.nemesis;
  const touching = history.faults.filter(
    (fault) => touches(fault, earlier) && fault.from <= span.from && fault.until >= earlier.granted.at,
  );
  if (touching.length > 0) return touching.map(({ nemesis }) => nemesis).join(' and ');
  const last = earlier.checks.filter(({ held }) => held).at(-1);
  return last && span.from > last.deadline ? 'late to look' : 'unknown';
}
