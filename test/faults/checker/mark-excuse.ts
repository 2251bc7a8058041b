import { CONNECTED_WITHIN_MS } from './bounds.js';
import { type Fault, type History, type Hold, overlap, type Request, type Span, touches } from './model.js';

/** A `once` that ran, and whose mark is known to be set. */
export type Marked = Hold & Required<Pick<Request, 'ended' | 'outcome'>>;

/** What can have taken the mark that `earlier` set, before the body of `later` began; no clock is set as far as it lasts. */
export function excuseForMark(earlier: Marked, later: Hold, history: History, quorum: number): string | undefined {
  const marked: Span = { from: earlier.ended.at, until: later.granted.at };
  const forgot = history.faults.filter((fault) => forgets(fault, quorum) && overlap(fault, marked));
  if (quorum === 0 || forgot.length === 0) return forgot[0]?.nemesis;
  const servers = new Set(forgot.map(({ server }) => server));
  // Most servers had the mark, and one that has it is enough, provided that it answers.
  const majority = Math.floor(quorum / 2) + 1;
  return servers.size >= majority || unheard(later, servers, history) ? forgot[0]!.nemesis : undefined;
}

function forgets({ excuse, nemesis }: Fault, quorum: number): boolean {
  return excuse === 'data loss' || excuse === 'fail-over' || (quorum > 0 && nemesis === 'server-restart');
}

/** Whether another server than these may not have answered the one who asked for the mark. */
function unheard(later: Hold, servers: ReadonlySet<number | undefined>, { faults, starts }: History): boolean {
  const asks: Span = { from: later.askedAt - CONNECTED_WITHIN_MS, until: later.granted.at };
  if ((starts.get(later.worker) ?? Number.NEGATIVE_INFINITY) > asks.from) return true;
  return faults.some(
    (fault) =>
      fault.excuse !== 'force' &&
      touches(fault, later) &&
      overlap(fault, asks) &&
      !(fault.server !== undefined && servers.has(fault.server)),
  );
}
