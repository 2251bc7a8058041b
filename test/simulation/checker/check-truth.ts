// What only the servers know: nothing is held for nobody, and nobody is told otherwise than it was.
import { LEASE_MS } from '../../faults/checker/bounds.js';
import {
  type Fault,
  gapsIn,
  type History,
  type Hold,
  isExclusive,
  lengthOf,
  type Request,
  type Span,
  type Violation,
} from '../../faults/checker/model.js';
import { slotOf } from '../../faults/slot.js';
import type { Held } from './truth.js';

/** After a fault a process is connected again, and has given back what it does not want, within this time. */
const TIDY_WITHIN_MS = 1_200;
/**
 * A fail-over may bring back a waiter that had left, and a shutdown leaves its waiters where the server is away: they count
 * as alive for so long, and are granted one lease then.
 */
const BROUGHT_BACK_MS = 30_000 + LEASE_MS;
const LEAVES_WAITERS = ['fail-over', 'worker-close'];
/** What is given back is on its way for so long. */
const TRAVELS_MS = 250;
/** For so long nobody has answered, and a process does not know any more who holds. */
const SILENT_MS = 3_000;

/** In which no command of a process got through, or none of any. */
export interface Cut extends Span {
  readonly slot: string | undefined;
}

export interface Scene {
  readonly history: History;
  readonly held: readonly Held[];
  readonly cuts: readonly Cut[];
  /** What the callers of `release` were told, and not what a `run` made of it. */
  readonly explicit: ReadonlySet<string>;
  readonly isQuorum: boolean;
}

export function checkTruth(scene: Scene): Violation[] {
  const { history, held, isQuorum } = scene;
  // A clock that is set moves the ends of all leases.
  if (history.faults.some(({ excuse }) => excuse === 'server clock')) return [];
  return [
    ...held.flatMap((each) => heldForNobody(each, history)),
    ...(isQuorum
      ? []
      : history.holds.flatMap((hold) => [...falselyReleased(hold, scene), ...falselyForced(hold, held)])),
    ...history.requests.flatMap((request) => guessedBusy(request, scene)),
  ];
}

/** A server keeps a lock from everybody for a process that lives, and has or wants none. */
function heldForNobody({ server, name, worker, from, until }: Held, history: History): Violation[] {
  const wants = history.requests
    .filter((each) => each.worker === worker && each.name === name)
    .map((each) => wanted(each));
  const broken = history.faults.filter((fault) => breaks(fault, worker)).map(prolonged);
  const start = history.starts.get(worker) ?? 0;
  const lives = { from, until: Math.min(until, history.deaths.get(worker) ?? history.end) };
  const gaps = gapsIn(lives, [...wants, ...broken, { from: start, until: start + TIDY_WITHIN_MS }]);
  const longest = Math.max(0, ...gaps.map(lengthOf));
  if (longest <= TRAVELS_MS) return [];
  const gap = gaps.find((each) => lengthOf(each) === longest) as Span;
  const text =
    `${name} was held at ${server} from ${from.toFixed(1)} to ${until.toFixed(1)} for ${worker}, ` +
    `which neither had nor wanted it for ${Math.round(longest)} ms from ${gap.from.toFixed(1)} on`;
  const about = history.requests
    .filter((each) => each.worker === worker && each.name === name && each.askedAt < until)
    .slice(-3)
    .map(({ request }) => request);
  return [{ rule: '12 nothing for nobody', text, about }];
}

function wanted(request: Request): Span {
  const { askedAt, refused, granted, releasing, released, lost, outcome } = request;
  if (!granted) return { from: askedAt, until: refused?.at ?? Number.POSITIVE_INFINITY };
  const ends = [releasing.at(-1), released.at(-1)?.at, outcome?.at, lost?.at].filter((each) => each !== undefined);
  return { from: askedAt, until: ends.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...ends) };
}

function breaks({ workers, excuse }: Fault, worker: string): boolean {
  return excuse !== 'force' && (workers === undefined || workers.includes(slotOf(worker)));
}

function prolonged({ from, until, nemesis }: Fault): Span {
  return { from, until: until + (LEAVES_WAITERS.includes(nemesis) ? BROUGHT_BACK_MS : TIDY_WITHIN_MS) };
}

/** "It was held until now", it was told, and somebody else had ended it, or time. */
function falselyReleased(hold: Hold, { history, held, explicit }: Scene): Violation[] {
  const [released] = hold.released;
  if (!isExclusive(hold) || released?.answer !== true || !explicit.has(hold.request)) return [];
  // A fail-over that forgets the hold may bring back its owner as a waiter, who is granted it anew and releases that.
  const isForgotten = ({ excuse, from, until }: Fault): boolean =>
    excuse === 'fail-over' && from <= released.at && until >= hold.granted.at;
  if (history.faults.some(isForgotten)) return [];
  const { token } = hold.granted;
  const record = held
    .filter((each) => each.worker === hold.worker && each.name === hold.name && (each.token ?? token + 1) <= token)
    .reduce<Held | undefined>((last, each) => ((last?.token ?? 0) > (each.token ?? 0) ? last : each), undefined);
  if (!record || record.until >= released.at || record.endedBy === hold.worker) return [];
  const how = record.endedBy ?? 'time, or the loss of the store';
  const text = `${hold.name} had been ended by ${how} before, and its release said that it was held`;
  return [{ rule: '13 the truth', text, about: [hold.request] }];
}

/** "It was ended by force", it was told, and all servers that have had it have it still. */
function falselyForced({ request, worker, name, granted, lost }: Hold, held: readonly Held[]): Violation[] {
  if (lost?.why !== 'forced') return [];
  const records = held.filter(
    (each) => each.worker === worker && each.name === name && each.token === granted.token && each.from <= lost.at,
  );
  if (records.length === 0 || records.some(({ until }) => until <= lost.at)) return [];
  const text = `${name} was said to be ended by force while its server had it`;
  return [{ rule: '13 the truth', text, about: [request] }];
}

/** "Somebody has it" is an answer of the store, or of its own holds: a process that hears nothing cannot know it. */
function guessedBusy(request: Request, { history, cuts }: Scene): Violation[] {
  const { wait, refused, name, worker } = request;
  if (wait > 0 || !['LOCK_BUSY', 'busy'].includes(refused?.code ?? '')) return [];
  const at = refused?.at as number;
  const slot = slotOf(worker);
  const isCut = cuts.some((cut) => (cut.slot ?? slot) === slot && cut.from <= at - SILENT_MS && cut.until >= at);
  const own = history.holds.some(
    (hold) =>
      hold.worker === worker && hold.name === name && hold.granted.at <= at && wanted(hold).until >= at - SILENT_MS,
  );
  if (!isCut || own) return [];
  const text = `${name} is busy, it was told, after ${SILENT_MS} ms in which nobody could know`;
  return [{ rule: '13 the truth', text, about: [request.request] }];
}
