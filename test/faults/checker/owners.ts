// Rule 6: a release counts for the owner only, and a repeat of it changes nothing.
import { CONNECTED_WITHIN_MS, LEASE_MS, NOTICED_WITHIN_MS } from './bounds.js';
import {
  beliefOf,
  type Fault,
  type History,
  type Hold,
  isExclusive,
  overlap,
  prolong,
  SLOW_MACHINE,
  type Span,
  touches,
  type Violation,
} from './model.js';

const RULE = '6 only the owner';
/** A loss may be noticed so much later, while the store does not answer. */
const NOTICED_MS = 4_000;
/** The longest lease of a quorum's server (1 % more), its seconds, and the renewal that gets its vote back. */
const WITHOUT_VOTE_MS = 1.01 * LEASE_MS + 1_000 + LEASE_MS / 3;
/** They keep no server from having a hold. */
const OF_THE_PROCESS = new RegExp(`^(worker-|body-|force$|${SLOW_MACHINE}$)`);
/** A fault that is over so soon keeps no renewal from being answered. */
const BRIEF_MS = 300;

/** `quorum`: of how many servers; 0: the store is none. */
export function checkOwners(history: History, quorum: number): Violation[] {
  return history.holds.flatMap((hold) => [
    ...releasedAfterLoss(hold),
    ...differentAnswers(hold),
    ...takenWithoutReason(hold, history, quorum),
    ...takenUnnoticed(hold, history),
  ]);
}

function releasedAfterLoss({ request, lost, releasing, released }: Hold): Violation[] {
  const wasLost = lost && releasing[0] !== undefined && lost.at < releasing[0];
  if (!wasLost || released[0]?.answer !== true) return [];
  return [{ rule: RULE, text: 'its release after the loss said that it had been held', about: [request] }];
}

function differentAnswers({ request, released }: Hold): Violation[] {
  const answers = new Set(released.map(({ answer }) => answer));
  if (answers.size < 2) return [];
  return [{ rule: RULE, text: `its releases said ${[...answers].join(', ')}`, about: [request] }];
}

/** The next renewal of a lock that another program has taken says no. */
function takenUnnoticed(hold: Hold, { faults }: History): Violation[] {
  const belief = beliefOf(hold);
  if (!belief || !hold.renews || !isExclusive(hold)) return [];
  const takeOver = faults.find(
    (fault) =>
      fault.excuse === 'take-over' &&
      fault.name === hold.name &&
      hold.granted.at < fault.from &&
      belief.until > fault.from + NOTICED_WITHIN_MS,
  );
  if (!takeOver) return [];
  const after = { from: takeOver.from, until: takeOver.from + NOTICED_WITHIN_MS };
  const disturbed = faults.some(
    (fault) =>
      fault !== takeOver && fault.until - fault.from > BRIEF_MS && touches(fault, hold) && overlap(fault, after),
  );
  if (disturbed) return [];
  const ms = Math.round(belief.until - takeOver.from);
  const text = `${hold.name} was renewed for ${ms} ms after another program had taken it`;
  return [{ rule: RULE, text, about: [hold.request] }];
}

function touchesAt(fault: Fault, hold: Hold, at: number): boolean {
  return touches(fault, hold) && fault.from <= at && fault.until >= at;
}

/** Somebody ended the hold: told as a loss, or by a release that says "not yours" of what was held a moment ago. */
function takenWithoutReason(hold: Hold, { faults }: History, quorum: number): Violation[] {
  const { request, name, lost, released, checks, releasing } = hold;
  const atRelease = checks.filter(({ at }) => at <= (releasing[0] ?? 0)).at(-1);
  // Of "unavailable" nobody knows.
  const refused =
    !lost && released[0]?.answer === false && atRelease?.held === true && hold.outcome?.why !== 'unavailable';
  const at = refused ? released[0]!.at : lost && ['taken', 'forced'].includes(lost.why) ? lost.at : undefined;
  if (at === undefined || (refused && atRelease.deadline < at)) return [];
  const since = Math.min(hold.granted.at, at - NOTICED_MS);
  const forgets = quorum > 0 && mayLackMajority(hold, { from: since, until: at }, faults, quorum);
  const explains = (fault: Fault): boolean =>
    (fault.excuse !== undefined || (forgets && fault.nemesis === 'server-restart')) &&
    (fault.name === undefined || fault.name === name) &&
    fault.from <= at &&
    fault.until >= since;
  // Where requests are sent twice, the answer may be that to the repeat, which found it released.
  const repeated =
    refused && faults.some((fault) => fault.nemesis === 'duplicates' && touchesAt(fault, hold, releasing[0] ?? at));
  if (repeated || faults.some(explains)) return [];
  const text = `${name} was taken from its holder (${refused ? 'release said no' : lost?.why}), and nobody may have`;
  return [{ rule: RULE, text, about: [request] }];
}

/**
 * Whether one server that has forgotten the hold is enough to lose it. A semaphore needs more servers of a quorum than a
 * majority, or all. Others need that so many more did not have it: restarted, and without a vote since, or not reached.
 */
function mayLackMajority(hold: Hold, during: Span, faults: readonly Fault[], quorum: number): boolean {
  if (hold.permits > 0) return true;
  const without = faults.filter((fault) => {
    const lasts = fault.nemesis === 'server-restart' ? WITHOUT_VOTE_MS : CONNECTED_WITHIN_MS;
    return touches(fault, hold) && !OF_THE_PROCESS.test(fault.nemesis) && overlap(prolong(fault, lasts), during);
  });
  const servers = new Set(without.map(({ server }) => server));
  // A fault of links does not say of how many servers.
  return servers.has(undefined) || servers.size > quorum - (Math.floor(quorum / 2) + 1);
}
