/**
 * Values by key, for entries that come and go thousands of times a second. A `Map` keeps them alive: V8 links each table
 * that a Map has outgrown to the next one, so that a single old table carries everything since through every scavenge
 * of the garbage collector. An object without a prototype has no such chain (docs/performance.md has the figures).
 */
export class Registry<K extends string | number, T> {
  readonly #entries: Record<K, T> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): T | undefined {
    return this.#entries[key];
  }

  set(key: K, value: T): void {
    if (this.#entries[key] === undefined) this.#size += 1;
    this.#entries[key] = value;
  }

  /** Removes the entry, provided that it is still `value`. Default: whatever it is. */
  delete(key: K, value: T | undefined = this.#entries[key]): void {
    if (value === undefined || this.#entries[key] !== value) return;
    delete this.#entries[key];
    this.#size -= 1;
  }

  /** Those that are here now, also when they leave meanwhile. */
  values(): T[] {
    return Object.values(this.#entries);
  }
}
