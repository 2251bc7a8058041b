import { LockOptionsError, LockUnavailableError } from './errors.js';
import { labelOf } from './instance.js';
import type { LockStore, LockStoreExtras, StoreHolder, StoreNote, StoreState } from './lock-store.js';
import type { LockMode } from './options.js';

/** What is asked of the store beside locks: for operators, and about marks. */
export class StoreCalls {
  store: LockStore;
  readonly #assertOpen: (name: string) => void;

  constructor(store: LockStore, assertOpen: (name: string) => void) {
    this.store = store;
    this.#assertOpen = assertOpen;
  }

  async inspect(name: string): Promise<LockInspection> {
    return toInspection(name, await this.look(name));
  }

  /** With the owners as they are. */
  look(name: string): Promise<StoreState> {
    return this.#call(name, () => this.store.inspect(name));
  }

  async forceRelease(name: string): Promise<boolean> {
    const { holders, lastToken } = await this.look(name);
    // Only what was seen is ended: a repeat of the command must not throw out whoever came next.
    return holders.length > 0 && this.end(name, lastToken);
  }

  /** Ends the holds, provided that this is the last token still. */
  end(name: string, lastToken: number | null): Promise<boolean> {
    return this.#call(name, () => this.store.force(name, lastToken));
  }

  requestRelease(name: string): Promise<boolean> {
    return this.#call(name, () => extraOf(this.store, 'requestRelease', 'requestRelease()')(name));
  }

  /** When the name was marked as done. */
  async doneAt(name: string): Promise<Date | undefined> {
    // Before anything is done that could not be marked.
    extraOf(this.store, 'complete', 'once()');
    const at = await this.#call(name, () => extraOf(this.store, 'doneAt', 'once()')(name));
    return at === null ? undefined : new Date(at);
  }

  /** Only the mark that was seen is removed: a repeat of the command must not remove the next one. */
  async forget(name: string): Promise<boolean> {
    const at = await this.#call(name, () => extraOf(this.store, 'doneAt', 'forget()')(name));
    return at !== null && this.#call(name, () => extraOf(this.store, 'unmark', 'forget()')(name, at));
  }

  /** What was noted for operators since this time, in ms since the epoch. */
  notes(since: number): Promise<readonly StoreNote[]> {
    return this.#call('journal', () => extraOf(this.store, 'notes', 'A journal')(since));
  }

  /** The names that begin with `prefix` and are held or waited for. */
  names(prefix: string): Promise<readonly string[]> {
    return this.#call(prefix, () => extraOf(this.store, 'names', 'A list of all locks')(prefix));
  }

  async #call<T>(name: string, operation: () => Promise<T>): Promise<T> {
    this.#assertOpen(name);
    try {
      return await operation();
    } catch (error) {
      if (error instanceof LockOptionsError) throw error;
      throw LockUnavailableError.from(error, name);
    }
  }
}

/** A method that not every store has. Throws `LockOptionsError`, as early as `what` is called, where it is missing. */
export function extraOf<K extends keyof LockStoreExtras>(
  store: LockStore,
  method: K,
  what: string,
): LockStoreExtras[K] {
  const extra = store[method];
  if (extra) return extra.bind(store) as LockStoreExtras[K];
  throw new LockOptionsError(
    `${what} needs a store with the method ${method}(), which this one lacks: use another store, or do without.`,
  );
}

/** Who has a lock and who wants it, as the store saw it a moment ago. */
export interface LockInspection {
  readonly name: string;
  readonly holders: readonly LockHolder[];
  /** In the order of the queue. A process whose callers wait for the same name stands here once. */
  readonly waiting: readonly LockWaiter[];
  /** The fencing token of whoever holds the lock; null: nobody does, or a program whose token is unknown. */
  readonly lastToken: number | null;
}

export interface LockHolder {
  /** The label of the process: the option `instance`; of a holder that is no lock of ours, what it wrote. */
  readonly instance: string;
  readonly mode: LockMode;
  /** Of a process that serves several callers with one lease, the first caller's. */
  readonly token: number | null;
  /** Since when it is held, by the clock of the store; null where there is no token. */
  readonly since: Date | null;
  /** What is left of the lease, in ms; null: the holder is another program, whose lock has no end. */
  readonly remaining: number | null;
  /** Released already, and kept from the others for `remaining` (option `holdAtLeast`). */
  readonly retained: boolean;
}

export interface LockWaiter {
  readonly instance: string;
  readonly mode: LockMode;
  /** How long it has waited, in ms. */
  readonly waited: number;
  /** How many callers of its process it stands for; a change is seen within ten seconds. */
  readonly callers: number;
}

export function toInspection(name: string, { holders, waiting, lastToken }: StoreState): LockInspection {
  return {
    name,
    holders: holders.map(({ owner, ...holder }) => ({ instance: labelOf(owner), since: sinceOf(holder), ...holder })),
    waiting: waiting.map(({ owner, ...waiter }) => ({ instance: labelOf(owner), ...waiter })),
    lastToken,
  };
}

/** A token is the time of its grant, in µs. */
function sinceOf({ token }: Pick<StoreHolder, 'token'>): Date | null {
  return token === null ? null : new Date(Math.floor(token / 1_000));
}
