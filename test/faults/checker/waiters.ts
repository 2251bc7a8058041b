// Rule 4: nobody waits for a free lock for longer than the bound, once what was broken works again.
import { SERVED_WITHIN_MS } from './bounds.js';
import { type History, type Request, type Span, spanOf, touches, type Violation } from './model.js';

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
  const waits: Span = { from: waiter.askedAt, until: endOfWait(waiter, history) };
  // Nobody else can have been in the way for so long, in most cases.
  if (waits.until - waits.from <= SERVED_WITHIN_MS) return [];
  const others = history.holds.filter(({ name, request }) => name === waiter.name && request !== waiter.request);
  const busy = others.map((hold) => spanOf(hold, history));
  const broken = history.faults.filter((fault) => touches(fault, waiter) || fault.nemesis === 'force');
  const idle = longestGap(waits, [...busy, ...broken]);
  if (idle.until - idle.from <= SERVED_WITHIN_MS) return [];
  const text = `${waiter.name} was free for ${Math.round(idle.until - idle.from)} ms while this one waited`;
  return [{ rule: RULE, text, about: [waiter.request] }];
}

function endOfWait({ granted, refused, worker }: Request, { deaths, end }: History): number {
  return granted?.at ?? refused?.at ?? deaths.get(worker) ?? end;
}

/** The longest part of `within` that none of the spans covers. */
function longestGap(within: Span, spans: readonly Span[]): Span {
  let longest: Span = { from: within.from, until: within.from };
  let from = within.from;
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const until = Math.min(span.from, within.until);
    if (until - from > longest.until - longest.from) longest = { from, until };
    from = Math.max(from, span.until);
  }
  return within.until - from > longest.until - longest.from ? { from, until: within.until } : longest;
}
