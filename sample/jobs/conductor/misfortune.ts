import type { Invoice, Way } from '../protocol.js';
import type { Fleet, Life } from './fleet.js';
import type { Mishap } from './outside.js';
import type { Random } from './random.js';

const RANDOM_KILLS = 8;
/** So many requests come between two kills. */
const STEPS: [from: number, to: number] = [6, 16];
/** So long after the last of those requests, in ms. */
const DELAY: [from: number, to: number] = [0, 40];

/** The invoices at which a server is killed on purpose. */
export interface Traps {
  /** Of each way: at its first request, after the issue and before the answer, and so before the mark. */
  readonly afterTheIssue: Readonly<Record<Way, Invoice>>;
  /** At its first request, which arrives only after that of the next server has. */
  readonly late: Invoice;
}

/** Kills servers: at random, and where it hurts most. */
export class Misfortune {
  /** How many were killed at random. */
  random = 0;
  /** The traps that a server has stepped into. */
  readonly sprung = new Set<Invoice['id']>();
  private readonly workers = new Set<Life>();
  private stepsLeft: number;
  private late: (() => void) | undefined;

  constructor(
    private readonly fleet: () => Fleet,
    private readonly traps: Traps,
    private readonly chance: Random,
  ) {
    this.stepsLeft = chance.between(...STEPS);
  }

  /** The life has made a request. */
  step(life: Life): void {
    this.workers.add(life);
    this.stepsLeft -= 1;
    if (this.stepsLeft > 0 || this.random === RANDOM_KILLS) return;
    this.stepsLeft = this.chance.between(...STEPS);
    const victim = this.chance.pick([...this.workers])!;
    setTimeout(() => this.kill(victim), this.chance.between(...DELAY));
  }

  /** It has finished, or is gone. */
  over(life: Life): void {
    this.workers.delete(life);
  }

  readonly befall: Mishap = (invoice, by, carryOut) => {
    if (invoice.id === this.traps.late.id) this.delay(invoice, by, carryOut);
    else {
      carryOut();
      if (Object.values(this.traps.afterTheIssue).some(({ id }) => id === invoice.id)) this.spring(invoice, by);
    }
  };

  private kill(victim: Life): void {
    if (this.random < RANDOM_KILLS && this.fleet().kill(victim)) this.random += 1;
  }

  private delay(invoice: Invoice, by: Life, carryOut: () => void): void {
    if (this.spring(invoice, by)) this.late = carryOut;
    else {
      carryOut();
      this.late?.();
      this.late = undefined;
    }
  }

  private spring({ id }: Invoice, by: Life): boolean {
    if (this.sprung.has(id)) return false;
    this.sprung.add(id);
    this.fleet().kill(by);
    return true;
  }
}
