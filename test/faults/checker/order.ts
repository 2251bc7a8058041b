// Rule 5: on a name without hand-over inside the process, whoever asked clearly earlier is served earlier.
import { CLEARLY_EARLIER_MS, CONNECTED_WITHIN_MS } from './bounds.js';
import { type History, type Hold, touches, type Violation } from './model.js';

export interface OrderResult {
  readonly violations: Violation[];
  readonly checked: number;
  /** Left out because of a fault. */
  readonly excluded: number;
}

export function checkOrder(history: History, fifoName: string): OrderResult {
  const holds = history.holds
    .filter(({ name, request, root }) => name === fifoName && root === request)
    .sort((a, b) => a.askedAt - b.askedAt);
  const result = { violations: [] as Violation[], checked: 0, excluded: 0 };
  for (const [index, earlier] of holds.entries()) {
    for (const later of holds.slice(index + 1)) {
      if (later.askedAt > earlier.granted.at) break;
      if (later.askedAt - earlier.askedAt < CLEARLY_EARLIER_MS) continue;
      if (disturbed(earlier, later, history)) result.excluded += 1;
      else {
        result.checked += 1;
        if (later.granted.token < earlier.granted.token) result.violations.push(violation(earlier, later));
      }
    }
  }
  return result;
}

function disturbed(earlier: Hold, later: Hold, { faults, starts }: History): boolean {
  if (earlier.askedAt - (starts.get(earlier.worker) ?? Number.NEGATIVE_INFINITY) < CONNECTED_WITHIN_MS) return true;
  const until = Math.max(earlier.granted.at, later.granted.at);
  return faults.some(
    (fault) =>
      fault.excuse !== 'force' &&
      (touches(fault, earlier) || touches(fault, later)) &&
      fault.from <= until &&
      fault.until >= earlier.askedAt - CONNECTED_WITHIN_MS,
  );
}

function violation(earlier: Hold, later: Hold): Violation {
  const ahead = Math.round(later.askedAt - earlier.askedAt);
  const text = `${earlier.request} asked ${ahead} ms before ${later.request}, and was served after it`;
  return { rule: '5 first come, first served', text, about: [earlier.request, later.request] };
}
