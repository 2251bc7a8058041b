import type { ListedLock } from '../features/list.js';
import type { JournalEntry } from '../observe/journal.js';
import type { LockService } from '../service/lock-service.js';
import { circlesIn } from './circles.js';
import { examine, type Finding, type InfoClient } from './doctor.js';
import { durationOf, EXIT, type ExitCode, printable, type Terminal, tableOf } from './terminal.js';

export interface Invocation {
  readonly locks: LockService;
  /** Another one on the same Redis. */
  readonly another: () => Promise<LockService>;
  readonly client: InfoClient;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly yes: boolean;
}

export interface Command {
  /** As the help shows it: `<name>` is required, `[prefix]` is not, an empty one takes none. */
  readonly argument: string;
  readonly summary: string;
  run(invocation: Invocation, argument: string): Promise<ExitCode>;
}

const HEAD = ['NAME', 'MODE', 'HOLDER', 'METHOD', 'SINCE', 'LEFT', 'WAITING (oldest)'];
const JOURNAL = ['WHEN', 'WHAT', 'WHY', 'NAME', 'PROCESS', 'METHOD', 'WAITED', 'HELD'];
/** How often `watch` looks. */
const WATCH_MS = 1_000;

export const COMMANDS: Readonly<Record<string, Command>> = {
  list: {
    argument: '[prefix]',
    summary: 'locks that are held or waited for',
    run: async ({ locks, terminal, json }, prefix) => {
      const all = await allOf(locks, prefix);
      if (json) for (const lock of all) terminal.out(`${JSON.stringify(lock)}\n`);
      else terminal.out(all.length > 0 ? tableOf(HEAD, all.map(rowOf), terminal) : 'No lock is held or waited for.\n');
      return EXIT.ok;
    },
  },
  inspect: {
    argument: '<name>',
    summary: 'who holds the lock, and the queue in its order',
    run: async ({ locks, terminal, json }, name) => {
      const lock = await oneOf(locks, name);
      if (!lock) return notFound(terminal, name);
      terminal.out(json ? `${JSON.stringify(lock)}\n` : described(lock, terminal));
      return EXIT.ok;
    },
  },
  watch: {
    argument: '[prefix]',
    summary: 'the same, again and again; in a pipe, a line for each change',
    run: async ({ locks, terminal, json }, prefix) => {
      let before = new Map<string, string>();
      for (let goesOn = true; goesOn; goesOn = await isLater(terminal)) {
        const all = await allOf(locks, prefix);
        if (terminal.isTerminal && !json) terminal.out(`\u001b[2J\u001b[H${tableOf(HEAD, all.map(rowOf), terminal)}`);
        else before = tellChanges(all, before, terminal, json);
      }
      return EXIT.ok;
    },
  },
  deadlocks: {
    argument: '',
    summary: 'call chains that wait for each other, and who could give way',
    run: async ({ locks, terminal, json }) => {
      const circles = circlesIn(await allOf(locks, ''));
      for (const { names, giveWay } of circles) {
        const circle = [...names, names[0] as string].map(printable).join(' → ');
        const who = `${printable(giveWay.instance)}${giveWay.methods.map((each) => ` in ${printable(each)}`).join('')}`;
        if (json) terminal.out(`${JSON.stringify({ names, giveWay })}\n`);
        else {
          terminal.out(
            `${circle}\n  ${who} has waited for ${printable(giveWay.name)} for the shortest time ` +
              `(${durationOf(giveWay.waited)}), and could give way.\n`,
          );
        }
      }
      if (circles.length === 0 && !json) terminal.out('No call chains wait for each other in a circle.\n');
      return circles.length === 0 ? EXIT.ok : EXIT.notFound;
    },
  },
  journal: {
    argument: '[name]',
    summary: 'what was lost, busy, skipped, long, and who was elected',
    run: async ({ locks, terminal, json }, name) => {
      const entries = await locks.journal(name === '' ? {} : { name });
      if (json) for (const entry of entries) terminal.out(`${JSON.stringify(entry)}\n`);
      else if (entries.length > 0) terminal.out(tableOf(JOURNAL, entries.map(noteOf), terminal));
      else terminal.out('Nothing is noted. Processes note with the option `journal` of LockModule.\n');
      return EXIT.ok;
    },
  },
  request: {
    argument: '<name>',
    summary: 'asks the holders to release it, which is theirs to decide',
    run: async ({ locks, terminal }, name) => {
      if (!(await locks.requestRelease(name))) return notFound(terminal, name);
      terminal.out(`The holders of ${printable(name)} have been asked.\n`);
      return EXIT.ok;
    },
  },
  release: {
    argument: '<name>',
    summary: 'shows who holds it, asks, and takes it from them',
    run: async ({ locks, terminal, yes }, name) => {
      const lock = await oneOf(locks, name);
      if (!lock || lock.holders.length === 0) return notFound(terminal, name);
      terminal.err(described(lock, terminal));
      const isWanted = yes || (await terminal.confirm('Take it from them? What they do goes on without the lock.'));
      if (isWanted === undefined) {
        terminal.err('Nobody is there to answer: give --yes.\n');
        return EXIT.usage;
      }
      if (!isWanted) return EXIT.notFound;
      // Only what was shown: whoever has got it meanwhile keeps it.
      if (await locks.locker.calls.end(name, lock.lastToken)) {
        terminal.out(`${printable(name)} is free.\n`);
        return EXIT.ok;
      }
      terminal.err(`${printable(name)} has changed hands meanwhile: nothing was done.\n`);
      return EXIT.notFound;
    },
  },
  doctor: {
    argument: '',
    summary: 'whether this Redis is fit for locks, and what to change',
    run: async ({ locks, another, client, terminal, json }) => {
      let isFit = true;
      for await (const finding of examine(locks, another, client)) {
        isFit &&= finding.state !== 'bad';
        terminal.out(json ? `${JSON.stringify(finding)}\n` : written(finding, terminal));
      }
      return isFit ? EXIT.ok : EXIT.notFound;
    },
  },
};

async function allOf(locks: LockService, prefix: string): Promise<ListedLock[]> {
  const all: ListedLock[] = [];
  for (let after: string | undefined; ; ) {
    const page = await locks.list(prefix, { after, limit: 1_000 });
    all.push(...page.locks);
    if (page.next === undefined) return all;
    after = page.next;
  }
}

async function oneOf(locks: LockService, name: string): Promise<ListedLock | undefined> {
  // Of the names that begin with it, it is the first.
  const { locks: first } = await locks.list(name, { limit: 1 });
  return first.find((lock) => lock.name === name);
}

function notFound(terminal: Terminal, name: string): ExitCode {
  terminal.err(`Nobody holds ${printable(name)}.\n`);
  return EXIT.notFound;
}

function rowOf({ name, holders, waiting }: ListedLock): string[] {
  const [first] = holders;
  const more = holders.length > 1 ? ` +${holders.length - 1}` : '';
  const oldest = Math.max(0, ...waiting.map(({ waited }) => waited));
  const callers = callersOf(waiting);
  return [
    printable(name),
    first?.mode ?? '',
    first ? `${printable(first.instance)}${isSilent(first) ? ' (silent)' : ''}${more}` : '',
    printable(first?.method ?? ''),
    first?.since ? `${durationOf(Math.max(0, Date.now() - first.since.getTime()))} ago` : '',
    first ? leftOf(first) : '',
    callers > 0 ? `${callers} (${durationOf(oldest)})` : '',
  ];
}

function callersOf(waiting: ListedLock['waiting']): number {
  return waiting.reduce((sum, { callers }) => sum + callers, 0);
}

function noteOf({ at, what, why, name, instance, method, waited, held, holders = [] }: JournalEntry): string[] {
  const by = holders.length > 0 ? `held by ${holders.join(', ')}` : '';
  return [
    sinceOf(at),
    what,
    printable(why ?? by),
    printable(name),
    printable(instance),
    printable(method ?? ''),
    waited === undefined ? '' : durationOf(waited),
    held === undefined ? '' : durationOf(held),
  ];
}

/** One of ours that does not say where it is; another program cannot be asked. */
function isSilent({ answers, retained, token }: ListedLock['holders'][number]): boolean {
  return !answers && !retained && token !== null;
}

function sinceOf(since: Date | null | undefined): string {
  return since ? since.toISOString().slice(0, 19).replace('T', ' ') : '';
}

function leftOf({ remaining, retained }: ListedLock['holders'][number]): string {
  return `${remaining === null ? 'no end' : durationOf(remaining)}${retained ? ' (kept)' : ''}`;
}

function described(lock: ListedLock, terminal: Terminal): string {
  const holders = lock.holders.map((holder) => [
    printable(holder.instance),
    holder.mode,
    printable(holder.method ?? ''),
    sinceOf(holder.since),
    leftOf(holder),
    isSilent(holder) ? 'does not answer' : '',
  ]);
  const waiting = lock.waiting.map((waiter, index) => [
    String(index + 1),
    printable(waiter.instance),
    waiter.mode,
    printable(waiter.methods.join(', ')),
    durationOf(waiter.waited),
    String(waiter.callers),
    printable(waiter.holds.join(', ')),
  ]);
  const none = 'Nobody holds it.\n';
  return [
    `${printable(lock.name)}\n`,
    holders.length > 0 ? tableOf(['HOLDER', 'MODE', 'METHOD', 'SINCE', 'LEFT', ''], holders, terminal) : none,
    waiting.length > 0
      ? tableOf(['WAITING', 'PROCESS', 'MODE', 'METHOD', 'FOR', 'CALLERS', 'HOLDS'], waiting, terminal)
      : 'Nobody waits for it.\n',
  ].join('');
}

/** Returns what is told by now, by name. */
function tellChanges(
  all: readonly ListedLock[],
  before: ReadonlyMap<string, string>,
  terminal: Terminal,
  json: boolean,
): Map<string, string> {
  const now = new Map<string, string>();
  for (const lock of all) {
    const holders = lock.holders
      .map(({ instance, method }) => `${instance}${method ? ` in ${method}` : ''}`)
      .join(', ');
    const callers = callersOf(lock.waiting);
    const state = `${holders === '' ? 'waited for' : `held by ${holders}`}${callers > 0 ? `, ${callers} waiting` : ''}`;
    now.set(lock.name, state);
    if (before.get(lock.name) !== state) tell(lock.name, state);
  }
  for (const name of before.keys()) if (!now.has(name)) tell(name, 'free');
  return now;

  function tell(name: string, state: string): void {
    const at = new Date().toISOString();
    terminal.out(
      json ? `${JSON.stringify({ at, name, state })}\n` : `${at}  ${printable(name)}  ${printable(state)}\n`,
    );
  }
}

/** After a while; false: the person does not want to see more. */
async function isLater({ untilInterrupted }: Terminal): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const later = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), WATCH_MS);
  });
  const goesOn = await Promise.race([later, untilInterrupted.then(() => false)]);
  clearTimeout(timer);
  return goesOn;
}

const SIGNS = { ok: ['ok  ', '32'], look: ['look', '33'], bad: ['BAD ', '31'] } as const;

function written({ state, what, remedy }: Finding, { isColored }: Terminal): string {
  const [sign, color] = SIGNS[state];
  const shown = isColored ? `\u001b[${color}m${sign}\u001b[0m` : sign;
  return `${shown}  ${printable(what)}\n${remedy ? `      ${remedy}\n` : ''}`;
}
