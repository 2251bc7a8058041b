/** All that is left to chance comes from one seed; each part draws from a stream of its own. */
export class Random {
  #state: number;

  constructor(readonly seed: string) {
    this.#state = hash(seed);
  }

  fork(label: string): Random {
    return new Random(`${this.seed}/${label}`);
  }

  /** From 0 up to 1, without 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A whole number; both ends are possible. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)] as T;
  }

  /** Those with a greater weight are drawn more often. */
  weighted<T>(weights: readonly (readonly [weight: number, value: T])[]): T {
    let left = this.next() * weights.reduce((sum, [weight]) => sum + weight, 0);
    const drawn = weights.find(([weight]) => {
      left -= weight;
      return left < 0;
    });
    return (drawn ?? weights[0]!)[1];
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value | 0;
}
