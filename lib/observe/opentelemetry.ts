import {
  context,
  type Meter,
  metrics,
  type Attributes as OtelAttributes,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type Attributes, BUCKETS, INSTRUMENTS, type InstrumentName, Measuring } from './instruments.js';
import type {
  AcquisitionEvent,
  LockAborted,
  LockAcquired,
  LockBusy,
  LockLost,
  LockObserver,
  LockReleased,
  LockUnavailable,
  LockWaited,
  ObservedService,
} from './lock-observer.js';

export interface OpenTelemetryOptions {
  /** Default: that of the global provider. */
  meter?: Meter | undefined;
  /** Default: that of the global provider. */
  tracer?: Tracer | undefined;
}

/** Records a value for one instrument. */
type Record_ = (value: number, attributes: OtelAttributes) => void;

/**
 * Metrics and traces of the locks by OpenTelemetry: the instruments of docs/operating.md; a span `lock wait <label>` where
 * a caller waited or failed, and a span `lock hold <label>` around each body, with the name and the fencing token.
 *
 * @example
 * LockModule.forRoot({ redis: process.env.REDIS_URL, observer: openTelemetryObserver() });
 */
export function openTelemetryObserver(options: OpenTelemetryOptions = {}): LockObserver {
  const meter = options.meter ?? metrics.getMeter('nestjs-lock');
  const tracer = options.tracer ?? trace.getTracer('nestjs-lock');
  return new OpenTelemetryObserver(meter, tracer);
}

class OpenTelemetryObserver extends Measuring {
  readonly #tracer: Tracer;
  /** The spans of those who have a lock, by the id of the acquisition. */
  readonly #holds = new Map<number, Span>();
  /** Those who had to wait. */
  readonly #waits = new Set<number>();
  readonly #observeProven: () => () => void;

  constructor(meter: Meter, tracer: Tracer) {
    const recorders = recordersOf(meter);
    super({ record: (instrument, value, attributes) => recorders[instrument](value, prefixed(attributes)) });
    this.#tracer = tracer;
    const { name, description, unit } = INSTRUMENTS.proven;
    const gauge = meter.createObservableGauge(name, { description, unit });
    this.#observeProven = () => {
      const observe: Parameters<typeof gauge.addCallback>[0] = (result) => {
        for (const { store, value } of this.proven()) result.observe(value, prefixed({ store }));
      };
      gauge.addCallback(observe);
      return () => gauge.removeCallback(observe);
    };
  }

  override start(service: ObservedService): () => void {
    const ends = [super.start(service), this.#observeProven()];
    return () => {
      for (const end of ends) end();
    };
  }

  override waiting(event: AcquisitionEvent): void {
    super.waiting(event);
    this.#waits.add(event.id);
  }

  override acquired(event: LockAcquired): void {
    super.acquired(event);
    if (this.#waits.delete(event.id)) this.#waitSpan(event, 'acquired').end();
    const attributes = { ...attributesOf(event), 'nestjs_lock.fencing_token': event.fencingToken };
    this.#holds.set(event.id, this.#tracer.startSpan(`lock hold ${event.label}`, { attributes }));
  }

  override busy(event: LockBusy): void {
    super.busy(event);
    this.#failed(event, 'busy', event.holders.length > 0 ? `held by ${event.holders.join(', ')}` : 'busy');
  }

  override aborted(event: LockAborted): void {
    super.aborted(event);
    this.#failed(event, 'aborted', event.why);
  }

  override unavailable(event: LockUnavailable): void {
    super.unavailable(event);
    this.#failed(event, 'unavailable', event.why);
  }

  override released(event: LockReleased): void {
    super.released(event);
    this.#end(event);
  }

  override lost(event: LockLost): void {
    super.lost(event);
    const { why } = event;
    this.#end(event, (span) => {
      span.addEvent('lock lost', { 'nestjs_lock.why': why });
      span.setStatus({ code: SpanStatusCode.ERROR, message: `the lock was lost: ${why}` });
    });
  }

  run<T>({ id }: LockAcquired, body: () => T): T {
    const span = this.#holds.get(id);
    return span ? context.with(trace.setSpan(context.active(), span), body) : body();
  }

  /** It began when the lock was asked for. */
  #waitSpan(event: LockWaited, outcome: string): Span {
    const attributes = { ...attributesOf(event), 'nestjs_lock.outcome': outcome };
    return this.#tracer.startSpan(`lock wait ${event.label}`, { attributes, startTime: Date.now() - event.waited });
  }

  #failed(event: LockWaited, outcome: string, message: string): void {
    this.#waits.delete(event.id);
    const span = this.#waitSpan(event, outcome);
    // A try that finds the lock busy is an answer, and no error.
    if (outcome !== 'busy') span.setStatus({ code: SpanStatusCode.ERROR, message });
    span.end();
  }

  #end({ id }: AcquisitionEvent, before?: (span: Span) => void): void {
    const span = this.#holds.get(id);
    this.#holds.delete(id);
    if (!span) return;
    before?.(span);
    span.end();
  }
}

function recordersOf(meter: Meter): Record<Exclude<InstrumentName, 'proven'>, Record_> {
  const make = (instrument: Exclude<InstrumentName, 'proven'>): Record_ => {
    const { name, kind, description, unit } = INSTRUMENTS[instrument];
    if (kind === 'histogram') {
      const advice = { explicitBucketBoundaries: [...BUCKETS] };
      const histogram = meter.createHistogram(name, { description, unit, advice });
      return (value, attributes) => histogram.record(value, attributes);
    }
    const counter = kind === 'counter' ? meter.createCounter(name, { description, unit }) : undefined;
    const upDown = counter ?? meter.createUpDownCounter(name, { description, unit });
    return (value, attributes) => upDown.add(value, attributes);
  };
  return {
    wait: make('wait'),
    hold: make('hold'),
    waiting: make('waiting'),
    held: make('held'),
    lost: make('lost'),
    skipped: make('skipped'),
    store: make('store'),
  };
}

function prefixed(attributes: Attributes): OtelAttributes {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`nestjs_lock.${key}`, value]));
}

function attributesOf({ name, label, mode, store, method }: AcquisitionEvent): OtelAttributes {
  const of = { name, label, mode, store, ...(method === undefined ? {} : { method }) };
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [`nestjs_lock.${key}`, value]));
}
