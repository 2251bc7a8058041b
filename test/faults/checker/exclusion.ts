// Rule 1: as far as the guarded register accepted, in the order of the tokens, nobody is together with an exclusive holder.
import type { Written } from '../history/event.js';
import { byName, type History, type Hold, isExclusive, isOneHold, type Violation } from './model.js';

const RULE = '1 exclusion behind the register';

export function checkExclusion({ holds }: History): Violation[] {
  return [...byName(holds).values()].flatMap((ofName) => [...sharedTokens(ofName), ...mixedWrites(ofName)]);
}

/** An exclusive token belongs to one hold only, and so never to a reader. */
function sharedTokens(holds: readonly Hold[]): Violation[] {
  const owners = new Map<number, Hold>();
  return holds.flatMap((hold) => {
    const { token } = hold.granted;
    const other = owners.get(token);
    owners.set(token, other && isExclusive(other) ? other : hold);
    if (!other || isOneHold(hold, other) || !(isExclusive(hold) || isExclusive(other))) return [];
    return [{ rule: RULE, text: `token ${token} of ${hold.name} twice`, about: [other.request, hold.request] }];
  });
}

/** Accepted tokens never go back, and nobody else's write comes between two of an exclusive hold. */
function mixedWrites(holds: readonly Hold[]): Violation[] {
  const roots = new Map(holds.map(({ request, root }) => [request, root]));
  const exclusive = new Set(holds.filter(isExclusive).map(({ root }) => root));
  const accepted = holds
    .flatMap(({ writes }) => writes)
    .filter((write) => write.accepted)
    .sort((a, b) => a.at - b.at);
  const closed = new Set<string>();
  const violations: Violation[] = [];
  let previous: Written | undefined;
  for (const write of accepted) {
    if (previous && write.token < previous.token) violations.push(violation('an older token', previous, write));
    const [last, root] = [previous && roots.get(previous.request), roots.get(write.request)];
    if (previous && last !== root) {
      if (last !== undefined && exclusive.has(last)) closed.add(last);
      if (root !== undefined && closed.has(root))
        violations.push(violation('a write between those of a holder', previous, write));
    }
    previous = write;
  }
  return violations;
}

function violation(what: string, previous: Written, write: Written): Violation {
  const text = `${what} was accepted for ${write.name}: ${previous.token}, then ${write.token}`;
  return { rule: RULE, text, about: [previous.request, write.request] };
}
