// Rule 2: the tokens of a name grow in the order of the grants; only shared holders may have the same.
import { excuseFor } from './excuse.js';
import { byName, type History, type Hold, isExclusive, type Violation } from './model.js';

/** Whoever asked after a grant was known was granted later than that. */
export function checkTokens(history: History): Violation[] {
  // A frame has the token of the hold that it shares, however old that is.
  const granted = history.holds.filter(({ request, root }) => request === root);
  return [...byName(granted).values()].flatMap((holds) => checkName(holds, history));
}

function checkName(holds: readonly Hold[], history: History): Violation[] {
  const byGrant = [...holds].sort((a, b) => a.granted.at - b.granted.at);
  const byRequest = [...holds].sort((a, b) => a.askedAt - b.askedAt);
  const violations: Violation[] = [];
  let next = 0;
  let highest: Hold | undefined;
  for (const later of byRequest) {
    for (; byGrant[next] && byGrant[next]!.granted.at < later.askedAt; next += 1) {
      highest = higher(highest, byGrant[next]!);
    }
    if (highest && !grows(highest, later) && !isOfOldEpoch(highest, later, history)) {
      const text = `the tokens of ${later.name} do not grow: ${highest.granted.token}, then ${later.granted.token}`;
      violations.push({ rule: '2 tokens grow', text, about: [highest.request, later.request] });
    }
  }
  return violations;
}

function grows(earlier: Hold, later: Hold): boolean {
  const difference = later.granted.token - earlier.granted.token;
  return difference > 0 || (difference === 0 && !isExclusive(earlier) && !isExclusive(later));
}

/** A store that was made to forget may remember the readers of an earlier epoch, and let more of them in. */
function isOfOldEpoch(earlier: Hold, later: Hold, history: History): boolean {
  return !isExclusive(later) && excuseFor(earlier, later, history) !== undefined;
}

function higher(a: Hold | undefined, b: Hold): Hold {
  return a && a.granted.token > b.granted.token ? a : b;
}
