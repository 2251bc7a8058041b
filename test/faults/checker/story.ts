import type { Asked, FaultStarted, HistoryEvent, Moment, Outcome } from '../history/event.js';

type Asking = Partial<Pick<Asked, 'name' | 'permits' | 'wait' | 'probe' | 'once' | 'parent' | 'reentrant'>>;

interface Granting {
  readonly name?: string;
  readonly permits?: number;
  readonly askedAt?: Moment;
  readonly at: Moment;
  readonly token: number;
  /** The request whose body asked, and whether it may share its hold. */
  readonly parent?: string;
  readonly reentrant?: boolean;
}

/** A call of `once` that asked and had its answer around `at`; with a token its body began then. */
interface Once extends Pick<Partial<Outcome>, 'status' | 'code' | 'why'> {
  readonly askedAt?: Moment;
  readonly at: Moment;
  readonly token?: number | undefined;
  readonly body?: 'ended' | 'threw' | undefined;
}

/** A history made by hand. A request is named as workers do: `w1.1#1`. */
export class Story {
  readonly #events: HistoryEvent[] = [];

  /** In the order of time. */
  get events(): HistoryEvent[] {
    return [...this.#events].sort((a, b) => a.at - b.at);
  }

  add(...events: HistoryEvent[]): this {
    this.#events.push(...events);
    return this;
  }

  asked(
    request: string,
    at: Moment,
    { name = 'a', permits = 0, wait = 20_000, probe = false, once = false, ...chain }: Asking = {},
  ): this {
    const worker = request.slice(0, request.indexOf('#'));
    return this.add({ at, kind: 'asked', request, worker, name, permits, wait, probe, once, ...chain });
  }

  granted(request: string, { name = 'a', permits = 0, at, askedAt = at - 1, token, ...chain }: Granting): this {
    return this.asked(request, askedAt, { name, permits, ...chain }).add({ at, kind: 'granted', request, token });
  }

  once(request: string, { askedAt, at, token, body, status, ...rest }: Once): this {
    this.asked(request, askedAt ?? at - 1, { wait: 0, once: true });
    if (token !== undefined) this.add({ at, kind: 'granted', request, token });
    if (body) this.add({ at: at + 5, kind: body, request });
    return status ? this.add({ at: at + 10, kind: 'outcome', request, status, ...rest }) : this;
  }

  /** It looked at its lock at these moments, and held it; the lease lasts for another second. */
  held(request: string, ...moments: Moment[]): this {
    return this.add(
      ...moments.map((at) => ({ at, kind: 'checked' as const, request, held: true, deadline: at + 1_000 })),
    );
  }

  wrote(request: string, token: number, ...moments: Moment[]): this {
    return this.add(
      ...moments.map((at) => ({ at, kind: 'written' as const, request, name: 'a', token, accepted: true })),
    );
  }

  /** Gave it back, and heard this. */
  released(request: string, at: Moment, answer: boolean | null = true): this {
    return this.add({ at, kind: 'releasing', request }, { at: at + 1, kind: 'released', request, answer });
  }

  refused(request: string, at: Moment, code: string, ownChain?: boolean): this {
    return this.add({ at, kind: 'refused', request, code, ownChain });
  }

  lost(request: string, at: Moment, why: string): this {
    return this.add({ at, kind: 'lost', request, why });
  }

  fault(
    nemesis: string,
    from: Moment,
    until: Moment,
    touched: Pick<FaultStarted, 'excuse' | 'workers' | 'server' | 'spares'> = {},
  ): this {
    const fault = `${nemesis} ${from}`;
    return this.add({ at: from, kind: 'fault', fault, nemesis, ...touched }, { at: until, kind: 'healed', fault });
  }
}
