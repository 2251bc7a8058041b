import type {
  AcquisitionEvent,
  LockAborted,
  LockAcquired,
  LockBusy,
  LockEvent,
  LockLost,
  LockObserver,
  LockReleased,
  LockSkipped,
  LockUnavailable,
  LockWaited,
  ObservedService,
  StoreCalled,
} from './lock-observer.js';

/** An instrument, as OpenTelemetry names it. */
export interface Instrument {
  readonly name: string;
  readonly kind: 'histogram' | 'counter' | 'upDownCounter' | 'gauge';
  /** Of its values; `{…}` is no unit, but says what is counted. */
  readonly unit: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export type Attribute = 'label' | 'mode' | 'store' | 'outcome' | 'why' | 'operation';
export type Attributes = Readonly<Partial<Record<Attribute, string>>>;

const OF_A_LOCK = ['label', 'mode', 'store'] as const;

/** All instruments, for OpenTelemetry and Prometheus alike. */
export const INSTRUMENTS = {
  wait: {
    name: 'nestjs_lock.wait.duration',
    kind: 'histogram',
    unit: 's',
    description: 'How long callers waited for a lock, until they had it or gave up.',
    attributes: [...OF_A_LOCK, 'outcome'],
  },
  hold: {
    name: 'nestjs_lock.hold.duration',
    kind: 'histogram',
    unit: 's',
    description: 'How long callers had a lock, until they released or lost it.',
    attributes: [...OF_A_LOCK, 'outcome'],
  },
  waiting: {
    name: 'nestjs_lock.waiting',
    kind: 'upDownCounter',
    unit: '{caller}',
    description: 'Callers of this process that wait for a busy lock.',
    attributes: OF_A_LOCK,
  },
  held: {
    name: 'nestjs_lock.held',
    kind: 'upDownCounter',
    unit: '{lock}',
    description: 'Locks that callers of this process have.',
    attributes: OF_A_LOCK,
  },
  lost: {
    name: 'nestjs_lock.lost',
    kind: 'counter',
    unit: '{lock}',
    description: 'Locks that were lost while somebody worked under them.',
    attributes: [...OF_A_LOCK, 'why'],
  },
  skipped: {
    name: 'nestjs_lock.skipped',
    kind: 'counter',
    unit: '{call}',
    description: 'Calls that were left out, since another caller does the work or it is done.',
    attributes: [...OF_A_LOCK, 'why'],
  },
  store: {
    name: 'nestjs_lock.store.duration',
    kind: 'histogram',
    unit: 's',
    description: 'How long calls to the store took.',
    attributes: ['store', 'operation', 'outcome'],
  },
  proven: {
    name: 'nestjs_lock.messages.proven',
    kind: 'gauge',
    unit: '1',
    description: 'Whether messages are known to reach this process (1) or not (0); absent while nobody waits for any.',
    attributes: ['store'],
  },
} as const satisfies Record<string, Instrument>;

export type InstrumentName = keyof typeof INSTRUMENTS;

/** The upper bounds of the buckets of a histogram, in seconds: from what a free lock costs to what a job takes. */
export const BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** Where values go. */
export interface Sink {
  /** Histograms record the value, the others add it. */
  record(instrument: Exclude<InstrumentName, 'proven'>, value: number, attributes: Attributes): void;
}

/** Makes the values of the instruments from what is observed. */
export class Measuring implements LockObserver {
  readonly #sink: Sink;
  readonly #services = new Set<ObservedService>();
  /** The ids of those who wait. */
  readonly #waiting = new Set<number>();

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  start(service: ObservedService): () => void {
    this.#services.add(service);
    return () => this.#services.delete(service);
  }

  /** By kind of store: whether the messages of all services that need them are proven. */
  proven(): { store: string; value: 0 | 1 }[] {
    const byStore = new Map<string, boolean>();
    for (const { store, messagesProven } of this.#services) {
      if (messagesProven !== undefined) byStore.set(store, messagesProven && byStore.get(store) !== false);
    }
    return [...byStore].map(([store, proven]) => ({ store, value: proven ? 1 : 0 }));
  }

  waiting(event: AcquisitionEvent): void {
    this.#waiting.add(event.id);
    this.#sink.record('waiting', 1, ofLock(event));
  }

  acquired(event: LockAcquired): void {
    this.#waited(event, 'acquired');
    this.#sink.record('held', 1, ofLock(event));
  }

  busy(event: LockBusy): void {
    this.#waited(event, 'busy');
  }

  aborted(event: LockAborted): void {
    this.#waited(event, 'aborted');
  }

  unavailable(event: LockUnavailable): void {
    this.#waited(event, 'unavailable');
  }

  released(event: LockReleased): void {
    this.#held(event, 'released');
  }

  lost(event: LockLost): void {
    this.#held(event, 'lost');
    this.#sink.record('lost', 1, { ...ofLock(event), why: event.why });
  }

  skipped(event: LockSkipped): void {
    this.#sink.record('skipped', 1, { ...ofLock(event), why: event.why });
  }

  called({ operation, outcome, took, store }: StoreCalled): void {
    this.#sink.record('store', took / 1_000, { store, operation, outcome });
  }

  #waited(event: LockWaited, outcome: string): void {
    if (this.#waiting.delete(event.id)) this.#sink.record('waiting', -1, ofLock(event));
    this.#sink.record('wait', event.waited / 1_000, { ...ofLock(event), outcome });
  }

  #held(event: LockReleased, outcome: string): void {
    this.#sink.record('held', -1, ofLock(event));
    this.#sink.record('hold', event.held / 1_000, { ...ofLock(event), outcome });
  }
}

function ofLock({ label, mode, store }: LockEvent): Attributes {
  return { label, mode, store };
}
