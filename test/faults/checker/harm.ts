// Rule 11: no call fails, and no hold runs out, because of what the library has to bear.

import type { Deaf, Moment } from '../history/event.js';
import { slotOf } from '../slot.js';
import { CONNECTED_WITHIN_MS, LEASE_MS } from './bounds.js';
import {
  type Fault,
  type History,
  type Hold,
  lengthOf,
  overlap,
  type Request,
  SLOW_MACHINE,
  type Span,
  touches,
  type Violation,
} from './model.js';

const RULE = '11 no harm without a cause';
/** Timers of Node count from the beginning of the turn of the event loop in which they are set. */
const TURN_MS = 300;
/** Clearly most of `commandTimeout`, for which a call waits for a server that says "not now". */
const PATIENCE_MS = 2_700;
/** A delay that no connection bears, and how long it may take until all is well again after it. */
const STILL_MS = 1_000;
const RECOVERED_MS = 10_000;
/** A call that takes less is answered by the store, however slow the machine is. */
const LONG_MS = 300;
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
    ...history.events.flatMap((event) => (event.kind === 'deaf' ? [deaf(event)] : [])),
  ];
}

function refusedWithoutCause(request: Request, history: History): Violation[] {
  const { refused, name, wait } = request;
  if (!refused) return [];
  const { code } = refused;
  const waited = refused.at - request.askedAt;
  const about = [request.request];
  if (!ANSWERS.has(code)) return [{ rule: RULE, text: `${name} was answered ${code}`, about }];
  if (code === 'LOCK_BUSY' && waited < wait - TURN_MS) {
    return [{ rule: RULE, text: `${name} was busy, it was said after ${waited.toFixed(1)} of ${wait} ms`, about }];
  }
  if (code !== 'LOCK_UNAVAILABLE' || unavailable(request, refused.at, history)) return [];
  return [{ rule: RULE, text: `${name} was unavailable, it was said, and nothing was broken`, about }];
}

function unavailable(request: Request, at: Moment, history: History): boolean {
  const span = { from: request.askedAt - CONNECTED_WITHIN_MS, until: at };
  const maySlow = at - request.askedAt >= LONG_MS;
  if (stoodStill(request, at, history)) return true;
  const explained = explaining(request, span, history, maySlow).some(
    ({ spares = [] }) => !spares.includes('patience') && !spares.includes('calls'),
  );
  return explained || isOutOfPatience(request, at, history);
}

/** The machine stood still for so long that connections and patience ended. */
function stoodStill(request: Request, at: Moment, { faults }: History): boolean {
  const recent = { from: request.askedAt - RECOVERED_MS, until: at };
  return faults.some(
    (fault) =>
      fault.nemesis === SLOW_MACHINE &&
      lengthOf(fault) >= STILL_MS &&
      touches(fault, request) &&
      overlap(fault, recent),
  );
}

/** For so long it had only met faults that say "not now"; between two of them there was no time to connect. */
function isOutOfPatience(request: Request, at: Moment, { faults }: History): boolean {
  let since = Number.POSITIVE_INFINITY;
  let until = Number.NEGATIVE_INFINITY;
  for (const fault of faults) {
    if (!fault.spares?.includes('patience') || !touches(fault, request) || fault.from > at) continue;
    if (fault.from > until + CONNECTED_WITHIN_MS) since = fault.from;
    until = Math.max(until, fault.until);
  }
  return at - since >= PATIENCE_MS && until + CONNECTED_WITHIN_MS >= request.askedAt;
}

/** A lease that is renewed runs out only when its renewals do not get through. */
function ranOut(hold: Hold, history: History): Violation[] {
  const { lost, renews, name, request } = hold;
  if (!lost || !renews || !['expired', 'unavailable'].includes(lost.why)) return [];
  const during = { from: lost.at - LEASE_MS - CONNECTED_WITHIN_MS, until: lost.at };
  const explained = explaining(hold, during, history, true).some(({ spares }) => !spares?.includes('holds'));
  if (explained) return [];
  return [{ rule: RULE, text: `${name} was lost (${lost.why}), and nothing was broken`, about: [request] }];
}

/** What touched it in this time. `maySlow`: so long that a slow machine explains it, if it was slow. */
function explaining(request: Request, span: Span, { faults, starts }: History, maySlow: boolean): Fault[] {
  const found = faults.filter(
    (fault) =>
      fault.excuse !== 'force' &&
      (maySlow || fault.nemesis !== SLOW_MACHINE) &&
      touches(fault, request) &&
      overlap(fault, span),
  );
  const start = starts.get(request.worker) ?? Number.NEGATIVE_INFINITY;
  return start > span.from ? [...found, startOf(request, start)] : found;
}

/** It has no connection yet. */
function startOf({ worker }: Request, at: Moment): Fault {
  const touched = { excuse: undefined, workers: [slotOf(worker)], name: undefined };
  return { nemesis: 'start', ...touched, from: at, until: at + CONNECTED_WITHIN_MS };
}

function deaf({ worker }: Deaf): Violation {
  return { rule: RULE, text: `${worker} hears no messages any more`, about: [] };
}
