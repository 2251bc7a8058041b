import { Registry } from '../../../core/registry.js';
import { runtime } from '../../../core/runtime.js';

const FEW = 1_000;

/**
 * Entries by key. Each is removed when its time has come; those of which nobody has said so are swept out when there are
 * many, so that they do not pile up.
 */
export class Swept<T extends { readonly key: string }> {
  readonly #entries = new Registry<string, T>();
  readonly #isOver: (entry: T, now: number) => boolean;
  #sweepAt = FEW;

  constructor(isOver: (entry: T, now: number) => boolean) {
    this.#isOver = isOver;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  add(entry: T): void {
    if (this.size >= this.#sweepAt) this.#sweep();
    this.#entries.set(entry.key, entry);
  }

  /** Removes it, provided that it is not another one under this key by now. */
  delete(entry: T): void {
    this.#entries.delete(entry.key, entry);
  }

  values(): T[] {
    return this.#entries.values();
  }

  #sweep(): void {
    const now = runtime.monotonic();
    for (const entry of this.values()) if (this.#isOver(entry, now)) this.delete(entry);
    this.#sweepAt = Math.max(FEW, 2 * this.size);
  }
}
