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

/**
 * One timer for all leases. Leases that fall due in the same bucket are called together, so that their renewals travel
 * in one command; timers of their own would fire one by one.
 */
export class RenewalWheel {
  readonly #clock: Clock;
  readonly #slots = new Map<number, Line<Scheduled>>();
  #armedFor = Number.POSITIVE_INFINITY;
  #cancel: CancelTimer | undefined;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
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
    const items = this.#slots.get(slot) ?? new Line();
    items.add(item);
    this.#slots.set(slot, items);
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
    this.#disarm();
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
    const due = [...this.#slots.keys()].filter((slot) => slot <= now).sort((a, b) => a - b);
    for (const slot of due) {
      const items = this.#slots.get(slot);
      // An item may cancel or put off its neighbours, which then are not here any more.
      for (let item = items?.first; item; item = items?.first) {
        this.#remove(item);
        item.tick(now);
      }
    }
    if (this.#slots.size > 0) this.#arm(Math.min(...this.#slots.keys()));
  }
}
