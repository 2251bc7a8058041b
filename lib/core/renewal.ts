import type { Clock } from './clock.js';
import { Line, type Linked } from './line.js';
import { after, type CancelTimer } from './timer.js';

/** Something that wants to be called at a time. */
export interface Scheduled extends Linked<Scheduled> {
  /** Where it stands in the wheel; the wheel's own note. */
  slot: number | undefined;
  tick(now: number): void;
}

const BUCKET_MS = 50;
/** Times of slots that are gone may stand in the heap, as many as there are slots, and so many more. */
const SLACK = 1_000;

/**
 * One timer for all leases. Leases that fall due in the same bucket are called together, so that their renewals travel
 * in one command; timers of their own would fire one by one.
 */
export class RenewalWheel {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Line<Scheduled>>();
  /** The times of the slots, and of some that are gone by now. */
  readonly #times = new Heap();
  #armedFor = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many times it keeps. */
  get times(): number {
    return this.#times.size;
  }

  /** The end of the bucket that `at` falls into; intervals that are short beside a bucket stay as they are. */
  static bucket(at: number, interval: number): number {
    return interval < 10 * BUCKET_MS ? at : Math.ceil(at / BUCKET_MS) * BUCKET_MS;
  }

  /** Calls `item.tick` at `at` (by the clock), and no longer when it was scheduled for before. */
  schedule(item: Scheduled, at: number): void {
    if (this.#closed) return;
    const slot = Math.ceil(at);
    if (item.slot === slot) return;
    this.#remove(item);
    item.slot = slot;
    this.#slotAt(slot).add(item);
    if (slot < this.#armedFor) this.#arm(slot);
  }

  cancel(item: Scheduled): void {
    this.#remove(item);
    if (this.#slots.size === 0) this.#disarm();
  }

  /** Calls nobody any more. */
  clear(): void {
    this.#closed = true;
    this.#slots.clear();
    this.#times.reset([]);
    this.#disarm();
  }

  #slotAt(slot: number): Line<Scheduled> {
    const items = this.#slots.get(slot) ?? new Line();
    if (items.size > 0) return items;
    this.#slots.set(slot, items);
    this.#times.add(slot);
    if (this.#times.size > 2 * this.#slots.size + SLACK) this.#times.reset(this.#slots.keys());
    return items;
  }

  #remove(item: Scheduled): void {
    if (item.slot === undefined) return;
    const items = this.#slots.get(item.slot);
    items?.remove(item);
    if (items?.size === 0) this.#slots.delete(item.slot);
    item.slot = undefined;
  }

  #arm(slot: number): void {
    this.#disarm();
    this.#armedFor = slot;
    this.#cancel = after(Math.max(0, slot - this.#clock.now()), () => this.#turn());
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #turn(): void {
    this.#disarm();
    const now = this.#clock.now();
    // What is put off to a time that is over by then has its turn in the next round.
    const due: number[] = [];
    for (let slot = this.#times.least; slot !== undefined && slot <= now; slot = this.#times.least) {
      this.#times.removeLeast();
      due.push(slot);
    }
    for (const slot of due) {
      const items = this.#slots.get(slot);
      // An item may cancel or put off its neighbours, which then are not here any more.
      for (let item = items?.first; item; item = items?.first) {
        this.#remove(item);
        item.tick(now);
      }
    }
    const next = this.#nextSlot();
    if (next !== undefined) this.#arm(next);
  }

  /** The earliest slot that somebody stands in. */
  #nextSlot(): number | undefined {
    let slot = this.#times.least;
    while (slot !== undefined && !this.#slots.has(slot)) {
      this.#times.removeLeast();
      slot = this.#times.least;
    }
    return slot;
  }
}

/** Numbers, of which the least is at hand: a binary heap in an array. */
export class Heap {
  #numbers: number[] = [];

  get size(): number {
    return this.#numbers.length;
  }

  get least(): number | undefined {
    return this.#numbers[0];
  }

  add(number: number): void {
    const numbers = this.#numbers;
    let at = numbers.push(number) - 1;
    for (; at > 0; ) {
      const above = (at - 1) >> 1;
      if ((numbers[above] as number) <= number) break;
      numbers[at] = numbers[above] as number;
      at = above;
    }
    numbers[at] = number;
  }

  removeLeast(): void {
    const numbers = this.#numbers;
    const last = numbers.pop();
    if (last === undefined || numbers.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      if (left >= numbers.length) break;
      const right = left + 1;
      const below = right < numbers.length && (numbers[right] as number) < (numbers[left] as number) ? right : left;
      if ((numbers[below] as number) >= last) break;
      numbers[at] = numbers[below] as number;
      at = below;
    }
    numbers[at] = last;
  }

  /** Holds just these from now on. */
  reset(numbers: Iterable<number>): void {
    // An array in order is a heap.
    this.#numbers = [...numbers].sort((a, b) => a - b);
  }
}
