import type { Owner } from '../../core/lock-store.js';

interface Mark {
  readonly owner: Owner;
  readonly at: number;
  readonly until: number;
}

const SWEEP_FROM = 1_000;

/** The marks of names whose work is done, each for its time. */
export class Marks {
  readonly #marks = new Map<string, Mark>();
  #sweepAt = SWEEP_FROM;

  set(name: string, owner: Owner, now: number, remember: number): void {
    if (this.#marks.size >= this.#sweepAt) this.#sweep(now);
    this.#marks.set(name, { owner, at: now, until: now + remember });
  }

  /** When it was set; null: it is not, or not any more. */
  at(name: string, now: number): number | null {
    return this.#get(name, now)?.at ?? null;
  }

  isOf(name: string, owner: Owner, now: number): boolean {
    return this.#get(name, now)?.owner === owner;
  }

  delete(name: string): boolean {
    return this.#marks.delete(name);
  }

  #get(name: string, now: number): Mark | undefined {
    const mark = this.#marks.get(name);
    return mark && mark.until > now ? mark : undefined;
  }

  #sweep(now: number): void {
    for (const [name, { until }] of this.#marks) if (until <= now) this.#marks.delete(name);
    this.#sweepAt = Math.max(SWEEP_FROM, this.#marks.size * 2);
  }
}
