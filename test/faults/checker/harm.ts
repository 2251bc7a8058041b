// Rule 11: no call fails, and no hold runs out, because of what the library has to bear.

import type { Spared } from '../history/event.js';
import { CONNECTED_WITHIN_MS, LEASE_MS } from './bounds.js';
import { type History, type Hold, overlap, type Request, type Span, touches, type Violation, waitOf } from './model.js';

const RULE = '11 no harm without a cause';
const ROUNDING_MS = 5;
/** What a call may be answered with: `AbortError` by its own signal, the last two are outcomes of `once`. */
const ANSWERS = new Set([
  'LOCK_BUSY',
  'LOCK_UNAVAILABLE',
  'LOCK_LOST',
  'LOCK_UPGRADE',
  'LOCK_CLOSED',
  'AbortError',
  'done',
  'busy',
]);

export function checkHarm(history: History): Violation[] {
  return [
    ...history.requests.flatMap((request) => refusedWithoutCause(request, history)),
    ...history.holds.flatMap((hold) => ranOut(hold, history)),
  ];
}

function refusedWithoutCause(request: Request, history: History): Violation[] {
  const { refused, name, wait } = request;
  if (!refused) return [];
  const { code } = refused;
  const waited = refused.at - request.askedAt;
  const about = [request.request];
  if (!ANSWERS.has(code)) return [{ rule: RULE, text: `${name} was answered ${code}`, about }];
  if (code === 'LOCK_BUSY' && waited < wait - ROUNDING_MS) {
    return [{ rule: RULE, text: `${name} was busy, it was said after ${waited.toFixed(1)} of ${wait} ms`, about }];
  }
  const { from, until } = waitOf(request, history);
  if (
    code !== 'LOCK_UNAVAILABLE' ||
    explained(request, { from: from - CONNECTED_WITHIN_MS, until }, 'calls', history)
  ) {
    return [];
  }
  return [{ rule: RULE, text: `${name} was unavailable, it was said, and nothing was broken`, about }];
}

/** A lease that is renewed runs out only when its renewals do not get through. */
function ranOut(hold: Hold, history: History): Violation[] {
  const { lost, renews, name, request } = hold;
  if (!lost || !renews || !['expired', 'unavailable'].includes(lost.why)) return [];
  const during = { from: lost.at - LEASE_MS - CONNECTED_WITHIN_MS, until: lost.at };
  if (explained(hold, during, 'holds', history)) return [];
  return [{ rule: RULE, text: `${name} was lost (${lost.why}), and nothing was broken`, about: [request] }];
}

function explained(request: Request, span: Span, spared: Spared, { faults, starts }: History): boolean {
  if ((starts.get(request.worker) ?? Number.NEGATIVE_INFINITY) > span.from) return true;
  return faults.some(
    (fault) =>
      fault.excuse !== 'force' && !fault.spares?.includes(spared) && touches(fault, request) && overlap(fault, span),
  );
}
