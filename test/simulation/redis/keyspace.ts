import { Refusal, WRONG_TYPE } from './reply.js';
import { SortedSet } from './sorted-set.js';

export type Value = string | SortedSet | Map<string, string> | Set<string>;

interface Entry {
  readonly value: Value;
  /** By the server's clock, in ms. */
  readonly until: number;
}

/** What one write has left of a key; undefined: nothing. */
export type Effect = readonly [key: string, entry: Entry | undefined];

/** The keys of one server. Time is what the server says that it is; what has ended is gone when it is looked at. */
export class Keyspace {
  #entries = new Map<string, Entry>();
  readonly #dirty = new Set<string>();

  /** `now`: in ms, and the same for as long as one call takes. */
  constructor(readonly now: () => number) {}

  get keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.#entry(key) !== undefined);
  }

  get(key: string): Value | undefined {
    return this.#entry(key)?.value;
  }

  string(key: string): string | undefined {
    const value = this.get(key);
    if (value !== undefined && typeof value !== 'string') throw new Refusal(WRONG_TYPE);
    return value;
  }

  sortedSet(key: string): SortedSet | undefined {
    const value = this.get(key);
    if (value !== undefined && !(value instanceof SortedSet)) throw new Refusal(WRONG_TYPE);
    return value;
  }

  hash(key: string): Map<string, string> | undefined {
    const value = this.get(key);
    if (value !== undefined && !(value instanceof Map)) throw new Refusal(WRONG_TYPE);
    return value;
  }

  /** The end of a key in ms; infinity: none; undefined: no such key. */
  until(key: string): number | undefined {
    return this.#entry(key)?.until;
  }

  /** `until`: default, it keeps what it has. */
  set(key: string, value: Value, until = this.until(key) ?? Number.POSITIVE_INFINITY): void {
    this.#entries.set(key, { value, until });
    this.touch(key);
  }

  expire(key: string, until: number): void {
    const entry = this.#entry(key);
    if (!entry) return;
    if (until <= this.now()) this.delete(key);
    else this.set(key, entry.value, until);
  }

  delete(key: string): boolean {
    const had = this.#entry(key) !== undefined;
    this.#entries.delete(key);
    if (had) this.touch(key);
    return had;
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.touch(key);
    this.#entries.clear();
  }

  /** The value of the key was changed where it stands. */
  touch(key: string): void {
    this.#dirty.add(key);
  }

  /** The keys that have been written since the last time. */
  get written(): Iterable<string> {
    return this.#dirty;
  }

  /** What has been written since the last time, for replicas. */
  takeEffects(): Effect[] {
    const effects = [...this.#dirty].map((key): Effect => {
      const entry = this.#entries.get(key);
      return [key, entry && { value: copyOf(entry.value), until: entry.until }];
    });
    this.#dirty.clear();
    return effects;
  }

  /** Nobody wants to know what has been written. */
  forgetEffects(): boolean {
    const wrote = this.#dirty.size > 0;
    this.#dirty.clear();
    return wrote;
  }

  apply(effects: readonly Effect[]): void {
    for (const [key, entry] of effects) {
      if (entry) this.#entries.set(key, { value: copyOf(entry.value), until: entry.until });
      else this.#entries.delete(key);
    }
  }

  /** Takes over what another one has. */
  copyFrom(other: Keyspace): void {
    this.#entries = new Map();
    this.apply([...other.#entries]);
  }

  #entry(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || entry.until >= this.now()) return entry;
    this.#entries.delete(key);
    return undefined;
  }
}

function copyOf(value: Value): Value {
  if (typeof value === 'string') return value;
  if (value instanceof SortedSet) return value.copy();
  return value instanceof Map ? new Map(value) : new Set(value);
}
