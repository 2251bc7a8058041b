/** What stands in a ring: it knows its number. */
export interface Numbered {
  readonly seq: number;
}

/**
 * Items by number, each in the place that its number has modulo the size of the ring. Numbers grow, and one whose place is
 * taken is left out, so that nothing is searched for and nothing has to be hashed.
 */
export class Ring<T extends Numbered> {
  #places: (T | undefined)[] = new Array(64).fill(undefined);
  #size = 0;
  #last = 0;

  /** A number that nobody has had. */
  next(): number {
    if (this.#size * 2 >= this.#places.length) this.#grow();
    do this.#last += 1;
    while (this.#places[this.#placeOf(this.#last)]);
    return this.#last;
  }

  /** `item` has a number of `next`. */
  add(item: T): void {
    this.#places[this.#placeOf(item.seq)] = item;
    this.#size += 1;
  }

  get(seq: number): T | undefined {
    const item = this.#places[this.#placeOf(seq)];
    return item?.seq === seq ? item : undefined;
  }

  delete(item: T): void {
    if (this.get(item.seq) !== item) return;
    this.#places[this.#placeOf(item.seq)] = undefined;
    this.#size -= 1;
  }

  /** Those that are here now, in no order. */
  values(): T[] {
    return this.#places.filter((item) => item !== undefined);
  }

  #placeOf(seq: number): number {
    return seq & (this.#places.length - 1);
  }

  #grow(): void {
    const items = this.values();
    this.#places = new Array(this.#places.length * 2).fill(undefined);
    for (const item of items) this.#places[this.#placeOf(item.seq)] = item;
  }
}
