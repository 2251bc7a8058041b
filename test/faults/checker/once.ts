// Rule 8: what is marked as done is not done again, and only what was done is marked.
import { excuseForMark, type Marked } from './mark-excuse.js';
import { byName, type History, type Hold, type Request, type Violation } from './model.js';

const RULE = '8 once';

export interface OnceResult {
  readonly violations: Violation[];
  readonly counts: Counts;
  /** Done again although it had been marked, by what made the store forget. */
  readonly excused: ReadonlyMap<string, number>;
}

type Counts = Record<
  'calls' | 'ran' | 'done' | 'busy' | 'failed' | 'bodies threw' | 'done again without a known mark' | 'lost but marked',
  number
>;

export function checkOnce(history: History, quorum: number): OnceResult {
  const calls = history.requests.filter(({ once }) => once);
  const elements = [...byName(calls).values()];
  const excused = new Map<string, number>();
  const violations = [
    ...calls.flatMap(ranWithoutSuccess),
    ...elements.flatMap(doneWithoutSuccess),
    ...elements.flatMap((element) => doneAgain(element, { history, quorum, excused })),
  ];
  return { violations, counts: countCalls(calls, elements), excused };
}

function ranWithoutSuccess({ request, name, granted, ended, threw, outcome }: Request): Violation[] {
  if (outcome?.status !== 'ran' || (granted && ended && !threw)) return [];
  return [{ rule: RULE, text: `${name} ran, it said, and its body did not end well`, about: [request] }];
}

function doneWithoutSuccess(element: readonly Request[]): Violation[] {
  const first = Math.min(...element.map(({ ended }) => ended?.at ?? Number.POSITIVE_INFINITY));
  const early = element.filter(({ outcome }) => outcome?.status === 'done' && outcome.at < first);
  return early.map(({ request, name }) => {
    const bodies = element.filter(({ granted }) => granted).map((call) => call.request);
    return { rule: RULE, text: `${name} was done before any body of it ended well`, about: [...bodies, request] };
  });
}

interface Scene {
  readonly history: History;
  readonly quorum: number;
  readonly excused: Map<string, number>;
}

/** Each body that began although the element was marked, or was so before its lock was granted. */
function doneAgain(element: readonly Request[], { history, quorum, excused }: Scene): Violation[] {
  const marked = element.filter(isMarked);
  return element.filter(isBody).flatMap((later) => {
    const broken = marked.filter((earlier) => earlier !== later && comesAfter(later, earlier));
    if (broken.length === 0) return [];
    const excuses = broken.map((earlier) => excuseForMark(earlier, later, history, quorum));
    const unexcused = broken.find((_, index) => excuses[index] === undefined);
    if (!unexcused) {
      const excuse = excuses.at(-1)!;
      excused.set(excuse, (excused.get(excuse) ?? 0) + 1);
      return [];
    }
    const text = `${later.name} was marked as done by ${unexcused.request}, and begun again by ${later.request}`;
    return [{ rule: RULE, text, about: [unexcused.request, later.request] }];
  });
}

function isBody(call: Request): call is Hold {
  return call.granted !== undefined;
}

function isMarked(call: Request): call is Marked {
  return isBody(call) && call.ended !== undefined && call.outcome?.status === 'ran';
}

/** A mark is set under the lock, and looked for under it: whoever has the lock later finds it, whenever that one asked. */
function comesAfter(later: Hold, earlier: Marked): boolean {
  const { token, at } = later.granted;
  if (token > earlier.granted.token || later.askedAt > earlier.outcome.at) return true;
  // Of two that share the hold of the call around them, one comes after the other.
  return token === earlier.granted.token && at > earlier.outcome.at;
}

function countCalls(calls: readonly Request[], elements: readonly (readonly Request[])[]): Counts {
  const having = (status: string): number => calls.filter(({ outcome }) => outcome?.status === status).length;
  return {
    calls: calls.length,
    ran: having('ran'),
    done: having('done'),
    busy: having('busy'),
    failed: having('failed'),
    'bodies threw': calls.filter(({ threw }) => threw).length,
    'done again without a known mark': sum(elements.map(doneAgainUnmarked)),
    'lost but marked': elements.filter(isMarkedThoughLost).length,
  };
}

/** Killed or lost between the end of the body and the mark: then it is done again, and that is no violation. */
function doneAgainUnmarked(element: readonly Request[]): number {
  const well = element.filter(isBody).filter(({ ended }) => ended);
  const follows = (later: Hold): boolean => {
    const earlier = well.filter(({ granted }) => granted.token < later.granted.token);
    return earlier.length > 0 && !earlier.some(isMarked);
  };
  return well.filter(follows).length;
}

/** Whoever had done it was told that the lock was lost, and not that the store was away: then nothing is marked. */
function isMarkedThoughLost(element: readonly Request[]): boolean {
  const done = element.find(({ outcome }) => outcome?.status === 'done');
  if (!done) return false;
  const before = element.filter(({ ended }) => ended && ended.at < done.outcome!.at);
  return before.every(
    ({ outcome }) => outcome?.code === 'LOCK_LOST' && outcome.why !== 'unavailable' && outcome.at < done.askedAt,
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
