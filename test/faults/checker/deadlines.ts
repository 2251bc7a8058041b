// Rule 3: past its own deadline a holder sees that it does not hold. And how late the signal says so.
import { type History, type Hold, touches, type Violation } from './model.js';

const ROUNDING_MS = 0.05;
/** Those that stop the process itself, and with it every timer. */
const STOPS_THE_PROCESS = new Set(['worker-pause', 'worker-stall', 'body-stall']);

export function checkDeadlines({ holds }: History): Violation[] {
  return holds.flatMap((hold) => [...heldPastDeadline(hold), ...heldAfterLoss(hold)]);
}

function heldPastDeadline({ request, checks }: Hold): Violation[] {
  const late = checks.find(({ held, at, deadline }) => held && at > deadline + ROUNDING_MS);
  if (!late) return [];
  const text = `was held ${(late.at - late.deadline).toFixed(2)} ms after its own deadline`;
  return [{ rule: '3 the local deadline', text, about: [request] }];
}

function heldAfterLoss({ request, checks, lost }: Hold): Violation[] {
  if (!lost || !checks.some(({ held, at }) => held && at > lost.at)) return [];
  return [{ rule: '3 the local deadline', text: 'was held after its signal had aborted', about: [request] }];
}

export interface Lateness {
  /** ms from the last known deadline to the signal. */
  readonly running: number[];
  /** The same, of processes that had been stopped, or had stopped themselves. */
  readonly stopped: number[];
}

/** Only of leases that ran out: other losses are told before the deadline. */
export function measureLateness({ holds, faults }: History): Lateness {
  const lateness: Lateness = { running: [], stopped: [] };
  for (const hold of holds) {
    const { lost, checks } = hold;
    const last = checks.filter(({ held }) => held).at(-1);
    if (!lost || !last || !['expired', 'unavailable'].includes(lost.why)) continue;
    const stops = faults.some(
      (fault) =>
        STOPS_THE_PROCESS.has(fault.nemesis) &&
        touches(fault, hold) &&
        fault.from <= lost.at &&
        fault.until >= last.at - 100,
    );
    (stops ? lateness.stopped : lateness.running).push(lost.at - last.deadline);
  }
  return lateness;
}
