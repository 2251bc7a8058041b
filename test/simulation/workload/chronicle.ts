import type { HistoryEvent, Moment } from '../../faults/history/event.js';
import type { Scheduler } from '../machine/scheduler.js';

type WithoutTime<E> = E extends HistoryEvent ? Omit<E, 'at'> & { at?: Moment } : never;

/** Between two things that happen at one moment of virtual time: which came first is known. */
const INSTANT_MS = 1e-6;

/** What happened in one run, in the order of true time. */
export class Chronicle {
  readonly events: HistoryEvent[] = [];
  /** The requests whose `release` was called by hand, and told what it told. */
  readonly explicit = new Set<string>();
  readonly #scheduler: Scheduler;
  #last = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get now(): Moment {
    return this.#scheduler.now;
  }

  record(event: WithoutTime<HistoryEvent>): void {
    this.#last = Math.max(this.#scheduler.now, this.#last + INSTANT_MS);
    this.events.push({ at: this.#last, ...event } as HistoryEvent);
  }
}

/** The resource that the locks guard: refuses a token that is lower than the highest of the name. */
export class GuardedRegister {
  readonly #highest = new Map<string, number>();
  readonly #chronicle: Chronicle;

  constructor(chronicle: Chronicle) {
    this.#chronicle = chronicle;
  }

  write(request: string, name: string, token: number): boolean {
    const accepted = token >= (this.#highest.get(name) ?? 0);
    if (accepted) this.#highest.set(name, token);
    this.#chronicle.record({ kind: 'written', request, name, token, accepted });
    return accepted;
  }
}
