import type { Checked, Excuse, HistoryEvent, Moment, Outcome, Released, Spared, Written } from '../history/event.js';
import { slotOf } from '../slot.js';

/** One call for a lock, and all that became of it. */
export interface Request {
  readonly request: string;
  readonly worker: string;
  readonly name: string;
  readonly permits: number;
  readonly wait: number;
  renews: boolean;
  readonly probe: boolean;
  readonly once: boolean;
  /** The request whose body called for it. */
  readonly parent: string | undefined;
  readonly reentrant: boolean;
  readonly askedAt: Moment;
  granted?: { at: Moment; token: number };
  refused?: { at: Moment; code: string; ownChain?: boolean | undefined };
  lost?: { at: Moment; why: string };
  readonly checks: Checked[];
  readonly writes: Written[];
  readonly releasing: Moment[];
  readonly released: Released[];
  /** Of a `once`: its body ended well, or threw. */
  ended?: { at: Moment };
  threw?: { at: Moment };
  outcome?: Outcome;
}

/** A request that was granted: a frame of a hold, which nested calls of the same chain may share. */
export type Hold = Request & {
  granted: { at: Moment; token: number };
  /** The frame that got the lock from the store; of most holds there is no other. */
  root: string;
};

/** Time in which the machine, not the library, kept a process from its turn. */
export const SLOW_MACHINE = 'slow machine';

export interface Fault {
  readonly nemesis: string;
  readonly excuse: Excuse | 'force' | undefined;
  /** Slots; undefined: all. */
  readonly workers: readonly string[] | undefined;
  /** The lock that it touches; undefined: all. */
  readonly name: string | undefined;
  /** The port of the one server that it touches. */
  readonly server?: number | undefined;
  /** What it must leave unharmed nevertheless; undefined: nothing. */
  readonly spares?: readonly Spared[] | undefined;
  readonly from: Moment;
  until: Moment;
}

export interface Span {
  readonly from: Moment;
  readonly until: Moment;
}

/** A history, as the rules look at it. */
export interface History {
  readonly events: readonly HistoryEvent[];
  readonly requests: readonly Request[];
  readonly holds: readonly Hold[];
  /** By their name. */
  readonly byRequest: ReadonlyMap<string, Request>;
  /** Those of the harness, and every release by force. */
  readonly faults: readonly Fault[];
  /** When a worker was ready, and when a killed one died. */
  readonly starts: ReadonlyMap<string, Moment>;
  readonly deaths: ReadonlyMap<string, Moment>;
  readonly end: Moment;
}

/** Something that must not be. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
  /** What shows it. */
  readonly about: readonly string[];
}

export function readModel(events: readonly HistoryEvent[]): History {
  const requests = new Map<string, Request>();
  const faults: Fault[] = [];
  const open = new Map<string, Fault>();
  const starts = new Map<string, Moment>();
  const deaths = new Map<string, Moment>();
  for (const event of events) {
    if ('request' in event) addToRequest(requests, event);
    else if (event.kind === 'started') starts.set(event.worker, event.at);
    else if (event.kind === 'killed' || event.kind === 'crashed') deaths.set(event.worker, event.at);
    else addFault(faults, open, event);
  }
  const all = [...requests.values()];
  const holds = all.filter((request) => request.granted !== undefined) as Hold[];
  // In the order in which they asked: whoever is shared comes first.
  for (const hold of holds) {
    hold.root = rootOf(hold, requests);
    // It lasts as long as what it shares.
    hold.renews &&= requests.get(hold.root)?.renews !== false;
  }
  const end = events.at(-1)?.at ?? 0;
  return { events, requests: all, holds, byRequest: requests, faults, starts, deaths, end };
}

/** Whose hold it shares: that of the innermost frame around it with the same token, whose body had not ended. */
function rootOf(hold: Hold, requests: ReadonlyMap<string, Request>): string {
  if (!hold.reentrant) return hold.request;
  const shared = framesAround(hold, requests).find(
    ({ name, granted, releasing }) =>
      name === hold.name &&
      granted?.token === hold.granted.token &&
      (isExclusive(hold) || (releasing[0] ?? Number.POSITIVE_INFINITY) > hold.granted.at),
  );
  return (shared as Hold | undefined)?.root ?? hold.request;
}

/** From the innermost to the outermost. */
export function framesAround({ parent }: Request, requests: ReadonlyMap<string, Request>): Request[] {
  const frames: Request[] = [];
  for (let frame = requests.get(parent ?? ''); frame; frame = requests.get(frame.parent ?? '')) frames.push(frame);
  return frames;
}

function addToRequest(requests: Map<string, Request>, event: Extract<HistoryEvent, { request: string }>): void {
  if (event.kind === 'asked') {
    const { kind: _, at: askedAt, renews = true, probe = false, once = false, reentrant = false, ...rest } = event;
    const lists = { checks: [], writes: [], releasing: [], released: [] };
    requests.set(event.request, { parent: undefined, ...rest, renews, probe, once, reentrant, askedAt, ...lists });
    return;
  }
  const request = requests.get(event.request);
  if (!request) return;
  if (event.kind === 'checked') request.checks.push(event);
  else if (event.kind === 'written') request.writes.push(event);
  else if (event.kind === 'releasing') request.releasing.push(event.at);
  else if (event.kind === 'released') request.released.push(event);
  else Object.assign(request, { [event.kind]: event });
}

function addFault(faults: Fault[], open: Map<string, Fault>, event: HistoryEvent): void {
  const begin = (key: string, fault: Omit<Fault, 'from' | 'until'>): void => {
    const begun: Fault = { ...fault, from: event.at, until: Number.POSITIVE_INFINITY };
    faults.push(begun);
    open.set(key, begun);
  };
  const close = (key: string): void => {
    const fault = open.get(key);
    if (fault) fault.until = event.at;
  };
  if (event.kind === 'fault') {
    const { nemesis, excuse, workers, name, server, spares } = event;
    begin(event.fault, { nemesis, excuse, workers, name, server, spares });
  } else if (event.kind === 'delayed') {
    const workers = event.worker === undefined ? undefined : [slotOf(event.worker)];
    faults.push({
      nemesis: SLOW_MACHINE,
      excuse: undefined,
      workers,
      name: undefined,
      from: event.at,
      until: event.until,
    });
  } else if (event.kind === 'healed') close(event.fault);
  else if (event.kind === 'forcing') {
    begin(`${event.worker} ${event.name}`, { nemesis: 'force', excuse: 'force', workers: [], name: event.name });
  } else if (event.kind === 'forced') close(`${event.worker} ${event.name}`);
}

export function isExclusive({ permits }: Request): boolean {
  return permits === 0;
}

/** From the first to the last moment at which the holder saw that it holds; undefined: it never did. */
export function beliefOf({ checks, releasing }: Hold): Span | undefined {
  const [released = Number.POSITIVE_INFINITY] = releasing;
  const held = checks.filter((check) => check.held && check.at <= released);
  return held[0] && { from: held[0].at, until: held.at(-1)!.at };
}

/** From the grant until the holder gave it back, was told of its loss, saw it, or died. */
export function spanOf(hold: Hold, { deaths, end }: History): Span {
  const seen = hold.checks.find(({ held }) => !held)?.at;
  const ends = [hold.releasing[0], hold.lost?.at, seen, deaths.get(hold.worker), end];
  const until = Math.min(...ends.filter((each) => each !== undefined));
  return { from: hold.granted.at, until: Math.max(hold.granted.at, until) };
}

/** From the call to the grant or the refusal, or until its process died. */
export function waitOf({ askedAt, granted, refused, worker }: Request, { deaths, end }: History): Span {
  return { from: askedAt, until: granted?.at ?? refused?.at ?? deaths.get(worker) ?? end };
}

/** Whether two are frames of one hold. */
export function isOneHold(a: Hold, b: Hold): boolean {
  return a.root === b.root;
}

export function touches({ workers, name }: Fault, request: Request): boolean {
  if (name !== undefined && name !== request.name) return false;
  return workers === undefined || workers.includes(slotOf(request.worker));
}

/** The parts of `within` that none of the spans covers. */
export function gapsIn(within: Span, spans: readonly Span[]): Span[] {
  const gaps: Span[] = [];
  let { from } = within;
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    if (span.from >= within.until) break;
    if (span.from > from) gaps.push({ from, until: span.from });
    from = Math.max(from, span.until);
  }
  if (from < within.until) gaps.push({ from, until: within.until });
  return gaps;
}

export function lengthOf({ from, until }: Span): number {
  return until - from;
}

/** The library has to serve everybody nevertheless, if later than usual. */
export function sparesWaiters({ spares }: Fault): boolean {
  return spares?.includes('waiters') === true;
}

export function prolong({ from, until }: Span, ms: number): Span {
  return { from, until: until + ms };
}

export function overlap(a: Span, b: Span): boolean {
  return a.from <= b.until && b.from <= a.until;
}

export function byName<T extends Request>(requests: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const request of requests) {
    const group = groups.get(request.name);
    if (group) group.push(request);
    else groups.set(request.name, [request]);
  }
  return groups;
}
