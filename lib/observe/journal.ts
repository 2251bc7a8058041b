import { type Duration, toMilliseconds } from '../core/duration.js';
import { LockOptionsError } from '../core/errors.js';
import type { LockStore, StoreNote } from '../core/lock-store.js';
import type { LockLogger } from '../core/logger.js';
import { assertKnown, assertObject } from '../core/options.js';
import { after, type CancelTimer } from '../core/timer.js';
import type {
  LockAcquired,
  LockBusy,
  LockDeposed,
  LockElected,
  LockEvent,
  LockLost,
  LockObserver,
  LockReleased,
  LockSkipped,
} from './lock-observer.js';

/** What is noted in the store, for all processes to read. */
export interface JournalOptions {
  /** How many notes of all processes are kept: the last ones. Default 1,000; at most 10,000. */
  keep?: number | undefined;
  /** A wait of this length is noted, also when it ended well. Default `'10s'`. */
  longWait?: Duration | undefined;
  /** A hold of this length is noted when it ends. Default `'1m'`. */
  longHold?: Duration | undefined;
}

export interface ResolvedJournalOptions {
  readonly keep: number;
  readonly longWait: number;
  readonly longHold: number;
}

/** What happened to a lock, as a process has noted it. */
export interface JournalEntry {
  /** By the clock of the store. */
  readonly at: Date;
  /** `'waited'` and `'held'`: for longer than the bound. */
  readonly what: 'lost' | 'busy' | 'skipped' | 'waited' | 'held' | 'elected' | 'deposed';
  readonly name: string;
  readonly label: string;
  readonly method?: string;
  readonly instance: string;
  readonly why?: string;
  /** In ms. */
  readonly waited?: number;
  readonly held?: number;
  readonly holders?: readonly string[];
}

const MOST = 10_000;
/** Notes are written together, so often. */
const WRITE_MS = 500;
/** While the store is away, so many are kept here at the most. */
const MOST_UNWRITTEN = 1_000;

/** @throws LockOptionsError for wrong options. */
export function resolveJournalOptions(options: JournalOptions | undefined): ResolvedJournalOptions | undefined {
  if (options === undefined) return undefined;
  assertObject(options, '`journal`');
  assertKnown(options, ['keep', 'longWait', 'longHold'], '`journal`');
  const { keep = 1_000, longWait = '10s', longHold = '1m' } = options;
  if (!Number.isSafeInteger(keep) || keep < 1 || keep > MOST) {
    throw new LockOptionsError(`The option \`journal.keep\` is ${keep}: give a whole number from 1 to ${MOST}.`);
  }
  return {
    keep,
    longWait: toMilliseconds(longWait, 'journal.longWait', { min: 1, infinite: true }),
    longHold: toMilliseconds(longHold, 'journal.longHold', { min: 1, infinite: true }),
  };
}

type Noted = Omit<JournalEntry, 'at'>;

/** Notes in the store what an operator asks about later. */
export class Journal implements LockObserver {
  readonly #store: LockStore;
  readonly #options: ResolvedJournalOptions;
  readonly #logger: LockLogger | undefined;
  #unwritten: string[] = [];
  #cancel: CancelTimer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isFailing = false;
  /** Notes that say the same are told apart by it. */
  #count = 0;

  constructor(store: LockStore, options: ResolvedJournalOptions, logger: LockLogger | undefined) {
    this.#store = store;
    this.#options = options;
    this.#logger = logger;
  }

  lost(event: LockLost): void {
    this.#note('lost', event, { why: event.why, held: event.held });
  }

  busy(event: LockBusy): void {
    this.#note('busy', event, { waited: event.waited, holders: event.holders });
  }

  skipped(event: LockSkipped): void {
    this.#note('skipped', event, { why: event.why });
  }

  acquired(event: LockAcquired): void {
    if (event.waited >= this.#options.longWait) this.#note('waited', event, { waited: event.waited });
  }

  released(event: LockReleased): void {
    if (event.held >= this.#options.longHold) this.#note('held', event, { held: event.held });
  }

  elected(event: LockElected): void {
    this.#note('elected', event, {});
  }

  deposed(event: LockDeposed): void {
    this.#note('deposed', event, { why: event.why, held: event.held });
  }

  /** What is not written yet, as far as the store answers. */
  async close(): Promise<void> {
    this.#cancel?.();
    this.#write();
    await this.#writing;
  }

  #note(what: Noted['what'], event: LockEvent, more: Partial<Noted>): void {
    const { name, label, method, instance } = event;
    const round = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms));
    const noted = { what, name, label, method, instance, ...more, waited: round(more.waited), held: round(more.held) };
    this.#count += 1;
    this.#unwritten.push(JSON.stringify({ ...noted, nr: `${process.pid}.${this.#count}` }));
    if (this.#unwritten.length > MOST_UNWRITTEN) this.#unwritten.shift();
    this.#cancel ??= after(WRITE_MS, () => this.#write());
  }

  #write(): void {
    this.#cancel = undefined;
    const texts = this.#unwritten.splice(0);
    if (texts.length === 0) return;
    this.#writing = (this.#store.note?.(texts, this.#options.keep) ?? Promise.resolve()).then(
      () => {
        this.#isFailing = false;
      },
      (error: Error) => this.#failed(texts, error),
    );
  }

  /** They are written with the next ones. */
  #failed(texts: readonly string[], { message }: Error): void {
    this.#unwritten = [...texts, ...this.#unwritten].slice(-MOST_UNWRITTEN);
    if (!this.#isFailing) {
      this.#logger?.warn(
        `The journal of the locks cannot be written (${message}): it is tried again with the next note.`,
      );
    }
    this.#isFailing = true;
  }
}

/** The entry of a note; undefined for what is none of ours. */
export function entryOf({ at, text }: StoreNote): JournalEntry | undefined {
  try {
    const { nr: _, ...noted } = JSON.parse(text) as Noted & { nr?: string };
    return typeof noted.what === 'string' && typeof noted.name === 'string'
      ? { at: new Date(at), ...noted }
      : undefined;
  } catch {
    return undefined;
  }
}
