import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { LockOptionsError } from '../core/errors.js';
import {
  type Attributes,
  BUCKETS,
  INSTRUMENTS,
  type Instrument,
  type InstrumentName,
  Measuring,
} from './instruments.js';
import type { LockObserver } from './lock-observer.js';

export interface PrometheusOptions {
  /** Where the metrics go, such as the `register` of prom-client. Several observers of one registry share its metrics. */
  registry: Registry;
}

/**
 * Metrics of the locks for Prometheus, into a registry of prom-client: the instruments of docs/operating.md as
 * `nestjs_lock_wait_duration_seconds` and so on.
 *
 * @example
 * LockModule.forRoot({ redis: process.env.REDIS_URL, observer: prometheusObserver({ registry: register }) });
 * @throws LockOptionsError when there is no registry.
 */
export function prometheusObserver({ registry }: PrometheusOptions): LockObserver {
  if (typeof registry?.getSingleMetric !== 'function') {
    throw new LockOptionsError(
      'prometheusObserver() has no `registry`: give a Registry of prom-client, such as its `register`.',
    );
  }
  const metrics = Object.fromEntries(
    Object.entries(INSTRUMENTS).map(([key, instrument]) => [key, metricOf(registry, instrument)]),
  ) as Record<InstrumentName, Metric>;
  const observer = new Measuring({
    record: (instrument, value, attributes) => metrics[instrument](value, attributes),
  });
  sourcesOf(registry).add(observer);
  return observer;
}

type Metric = (value: number, attributes: Attributes) => void;

/** `nestjs_lock.wait.duration` in seconds is `nestjs_lock_wait_duration_seconds`. */
export function prometheusNameOf({ name, kind, unit }: Instrument): string {
  const suffix = kind === 'counter' ? '_total' : unit === 's' ? '_seconds' : '';
  return name.replaceAll('.', '_') + suffix;
}

/** The metric of that name, which another observer may have made before. */
function metricOf(registry: Registry, instrument: Instrument): Metric {
  const name = prometheusNameOf(instrument);
  const known = registry.getSingleMetric(name);
  const options = {
    name,
    help: instrument.description,
    labelNames: instrument.attributes,
    registers: [registry],
  };
  if (instrument.kind === 'histogram') {
    const histogram = (known as Histogram | undefined) ?? new Histogram({ ...options, buckets: [...BUCKETS] });
    return (value, attributes) => histogram.observe(attributes as Record<string, string>, value);
  }
  if (instrument.kind === 'counter') {
    const counter = (known as Counter | undefined) ?? new Counter(options);
    return (value, attributes) => counter.inc(attributes as Record<string, string>, value);
  }
  const gauge = (known as Gauge | undefined) ?? gaugeOf(registry, instrument, options);
  return (value, attributes) => gauge.inc(attributes as Record<string, string>, value);
}

function gaugeOf(registry: Registry, { kind }: Instrument, options: ConstructorParameters<typeof Gauge>[0]): Gauge {
  if (kind !== 'gauge') return new Gauge(options);
  const sources = sourcesOf(registry);
  return new Gauge({
    ...options,
    collect() {
      this.reset();
      const all = [...sources].flatMap((source) => source.proven());
      const byStore = new Map<string, number>();
      for (const { store, value } of all) byStore.set(store, Math.min(value, byStore.get(store) ?? 1));
      for (const [store, value] of byStore) this.set({ store }, value);
    },
  });
}

/** The observers that write into a registry. */
const SOURCES = new WeakMap<Registry, Set<Measuring>>();

function sourcesOf(registry: Registry): Set<Measuring> {
  const sources = SOURCES.get(registry) ?? new Set();
  SOURCES.set(registry, sources);
  return sources;
}
