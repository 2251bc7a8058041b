// Rule 4: nobody waits for a free lock for longer than the bound, once what was broken works again.
import { SERVED_WITHIN_MS, STARVED_AFTER_MS } from './bounds.js';
import {
  gapsIn,
  type History,
  lengthOf,
  overlap,
  prolong,
  type Request,
  spanOf,
  sparesWaiters,
  touches,
  type Violation,
  waitOf,
} from './model.js';

const RULE = '4 no stuck waiter';

export function checkWaiters(history: History): Violation[] {
  return [...unserved(history), ...history.requests.flatMap((request) => stuck(request, history))];
}

/** After the healing each worker is served each name. */
function unserved({ requests }: History): Violation[] {
  const probes = requests.filter(({ probe }) => probe);
  const served = new Set(probes.filter(({ granted }) => granted).map(({ worker, name }) => `${worker} ${name}`));
  const last = new Map(probes.map((probe) => [`${probe.worker} ${probe.name}`, probe]));
  return [...last].flatMap(([key, { request, name, refused }]) => {
    if (served.has(key)) return [];
    return [{ rule: RULE, text: `${name} was not granted after the healing: ${refused?.code}`, about: [request] }];
  });
}

function stuck(waiter: Request, history: History): Violation[] {
  const waits = waitOf(waiter, history);
  // Nobody else can have been in the way for so long, in most cases.
  if (lengthOf(waits) <= SERVED_WITHIN_MS) return [];
  const faults = history.faults.filter((fault) => touches(fault, waiter));
  const isLate = faults.some((fault) => sparesWaiters(fault) && overlap(prolong(fault, STARVED_AFTER_MS), waits));
  const bound = isLate ? STARVED_AFTER_MS : SERVED_WITHIN_MS;
  const others = history.holds.filter(({ name, request }) => name === waiter.name && request !== waiter.request);
  const busy = others.map((hold) => spanOf(hold, history));
  const forced = history.faults.filter((fault) => fault.nemesis === 'force');
  const broken = [...faults.filter((fault) => !sparesWaiters(fault)), ...forced];
  const idle = Math.max(0, ...gapsIn(waits, [...busy, ...broken]).map(lengthOf));
  if (idle <= bound) return [];
  const text = `${waiter.name} was free for ${Math.round(idle)} ms while this one waited`;
  return [{ rule: RULE, text, about: [waiter.request] }];
}
