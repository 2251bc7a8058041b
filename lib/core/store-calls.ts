import { LockOptionsError, LockUnavailableError } from './errors.js';
import { type LockInspection, toInspection } from './inspection.js';
import type { LockStore, StoreState } from './lock-store.js';
import { extraOf } from './store-extras.js';

/** What is asked of the store beside locks: for operators, and about marks. */
export class StoreCalls {
  readonly #store: LockStore;
  readonly #assertOpen: (name: string) => void;

  constructor(store: LockStore, assertOpen: (name: string) => void) {
    this.#store = store;
    this.#assertOpen = assertOpen;
  }

  async inspect(name: string): Promise<LockInspection> {
    return toInspection(name, await this.look(name));
  }

  /** With the owners as they are. */
  look(name: string): Promise<StoreState> {
    return this.#call(name, () => this.#store.inspect(name));
  }

  async forceRelease(name: string): Promise<boolean> {
    const { holders, lastToken } = await this.look(name);
    // Only what was seen is ended: a repeat of the command must not throw out whoever came next.
    return holders.length > 0 && this.#call(name, () => this.#store.force(name, lastToken));
  }

  requestRelease(name: string): Promise<boolean> {
    return this.#call(name, () => extraOf(this.#store, 'requestRelease', 'requestRelease()')(name));
  }

  /** When the name was marked as done. */
  async doneAt(name: string): Promise<Date | undefined> {
    // Before anything is done that could not be marked.
    extraOf(this.#store, 'complete', 'once()');
    const at = await this.#call(name, () => extraOf(this.#store, 'doneAt', 'once()')(name));
    return at === null ? undefined : new Date(at);
  }

  /** Only the mark that was seen is removed: a repeat of the command must not remove the next one. */
  async forget(name: string): Promise<boolean> {
    const at = await this.#call(name, () => extraOf(this.#store, 'doneAt', 'forget()')(name));
    return at !== null && this.#call(name, () => extraOf(this.#store, 'unmark', 'forget()')(name, at));
  }

  /** The names that begin with `prefix` and are held or waited for. */
  names(prefix: string): Promise<readonly string[]> {
    return this.#call(prefix, () => extraOf(this.#store, 'names', 'A list of all locks')(prefix));
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
