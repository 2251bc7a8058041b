import { context, type Span, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLockService, Locked, LockModule, type LockService } from '../../lib/index.js';
import { INSTRUMENTS } from '../../lib/observe/instruments.js';
import { openTelemetryObserver } from '../../lib/opentelemetry.js';
import { TestApp } from '../support/nest.js';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('OpenTelemetry', () => {
  const spans = new InMemorySpanExporter();
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const tracer = tracers.getTracer('test');
  let exporter: InMemoryMetricExporter;
  let meters: MeterProvider;
  let locks: LockService;

  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterAll(() => {
    context.disable();
  });

  beforeEach(async () => {
    exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    meters = new MeterProvider({ readers: [reader] });
    locks = await createLockService({
      store: 'memory',
      shutdownGrace: 0,
      observer: openTelemetryObserver({ meter: meters.getMeter('test'), tracer }),
    });
  });

  afterEach(async () => {
    await locks.close();
    await meters.shutdown();
    spans.reset();
  });

  /** What an instrument has by now: the count of a histogram, the value of others, by its attributes. */
  async function measured(name: string): Promise<[attributes: object, value: number][]> {
    await soon();
    await meters.forceFlush();
    const all =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
    const found = all.find(({ descriptor }) => descriptor.name === name);
    return (found?.dataPoints ?? []).map(({ attributes, value }) => [
      attributes,
      typeof value === 'number' ? value : (value as { count: number }).count,
    ]);
  }

  const of = (more: object = {}): object => ({
    'nestjs_lock.label': 'order',
    'nestjs_lock.mode': 'exclusive',
    'nestjs_lock.store': 'memory',
    ...more,
  });

  it('measures waits, holds, losses and what was skipped', async () => {
    const lock = await locks.acquire('order:1', { label: 'order' });
    await expect(locks.acquire('order:1', { label: 'order', wait: 0 })).rejects.toThrow();
    await locks.tryRun('order:1', { label: 'order' }, () => undefined);
    const waiting = locks.acquire('order:1', { label: 'order' });
    await soon();
    expect(await measured('nestjs_lock.held')).toEqual([[of(), 1]]);
    expect(await measured('nestjs_lock.waiting')).toEqual([[of(), 1]]);
    await lock.release();
    await waiting;
    await locks.forceRelease('order:1');
    expect(await measured('nestjs_lock.waiting')).toEqual([[of(), 0]]);
    expect(await measured('nestjs_lock.held')).toEqual([[of(), 0]]);
    expect(await measured('nestjs_lock.wait.duration')).toEqual([
      [of({ 'nestjs_lock.outcome': 'acquired' }), 2],
      [of({ 'nestjs_lock.outcome': 'busy' }), 2],
    ]);
    expect(await measured('nestjs_lock.hold.duration')).toEqual([
      [of({ 'nestjs_lock.outcome': 'released' }), 1],
      [of({ 'nestjs_lock.outcome': 'lost' }), 1],
    ]);
    expect(await measured('nestjs_lock.lost')).toEqual([[of({ 'nestjs_lock.why': 'forced' }), 1]]);
    expect(await measured('nestjs_lock.skipped')).toEqual([[of({ 'nestjs_lock.why': 'busy' }), 1]]);
    expect(await measured('nestjs_lock.store.duration')).toContainEqual([
      { 'nestjs_lock.store': 'memory', 'nestjs_lock.operation': 'acquire', 'nestjs_lock.outcome': 'answered' },
      expect.any(Number),
    ]);
  });

  it('has no instrument that the table lacks, and units of OpenTelemetry', async () => {
    await locks.run('door', () => undefined);
    await soon();
    await meters.forceFlush();
    const found =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics }) => metrics) ?? [];
    const known = Object.values(INSTRUMENTS).map(({ name, unit, description }) => ({ name, unit, description }));
    for (const { descriptor } of found) {
      const { name, unit, description } = descriptor;
      expect(known).toContainEqual({ name, unit, description });
    }
    expect(found.length).toBeGreaterThan(3);
  });

  it('shows a body as a span of the caller, with name and token, and the context flows into the body', async () => {
    let inside: Span | undefined;
    let token = 0;
    await tracer.startActiveSpan('request', async (request) => {
      await locks.run('order:1', { label: 'order' }, async (lock) => {
        await soon();
        inside = trace.getActiveSpan();
        token = lock.fencingToken;
        tracer.startSpan('query').end();
      });
      request.end();
    });
    await soon();
    const [query, request, hold] = ['query', 'request', 'lock hold order'].map((name) =>
      spans.getFinishedSpans().find((span) => span.name === name),
    );
    expect(hold?.attributes).toEqual({
      ...of(),
      'nestjs_lock.name': 'order:1',
      'nestjs_lock.fencing_token': token,
    });
    expect(inside?.spanContext().spanId).toBe(hold?.spanContext().spanId);
    expect(hold?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect(query?.parentSpanContext?.spanId).toBe(hold?.spanContext().spanId);
    expect(spans.getFinishedSpans().map(({ name }) => name)).not.toContain('lock wait order');
  });

  it('shows a wait as a span where a caller waited or failed, with its length', async () => {
    const lock = await locks.acquire('door');
    const waits = tracer.startActiveSpan('request', (request) =>
      locks.run('door', () => undefined).finally(() => request.end()),
    );
    await new Promise((resolve) => setTimeout(resolve, 30));
    await lock.release();
    await waits;
    await expect(locks.acquire('door', { signal: AbortSignal.timeout(1), wait: 0 })).resolves.toBeDefined();
    await expect(locks.acquire('door', { wait: 0 })).rejects.toThrow();
    await soon();
    const found = spans.getFinishedSpans().filter(({ name }) => name === 'lock wait other');
    expect(found.map(({ attributes }) => attributes['nestjs_lock.outcome'])).toEqual(['acquired', 'busy']);
    const [waited] = found;
    const request = spans.getFinishedSpans().find(({ name }) => name === 'request');
    expect(waited?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect((waited?.duration[0] ?? 0) * 1e3 + (waited?.duration[1] ?? 0) / 1e6).toBeGreaterThan(20);
  });

  it('shows a loss as an event of the span, which is an error', async () => {
    await locks
      .run('door', async () => {
        await locks.forceRelease('door');
      })
      .catch(() => {});
    await soon();
    const hold = spans.getFinishedSpans().find(({ name }) => name === 'lock hold other');
    expect(hold?.events).toMatchObject([{ name: 'lock lost', attributes: { 'nestjs_lock.why': 'forced' } }]);
    expect(hold?.status).toMatchObject({ code: 2, message: expect.stringContaining('forced') });
  });

  it('calls a decorated method by its template', async () => {
    class Orders {
      @Locked('order:<id>')
      async pay(id: string): Promise<string> {
        return id;
      }
    }
    const observer = openTelemetryObserver({ meter: meters.getMeter('test'), tracer });
    await using app = await TestApp.start({
      imports: [LockModule.forRoot({ store: 'memory', observer })],
      providers: [Orders],
    });
    await app.get(Orders).pay('1');
    await soon();
    const hold = spans.getFinishedSpans().find(({ name }) => name === 'lock hold order:<id>');
    expect(hold?.attributes).toMatchObject({ 'nestjs_lock.name': 'order:1', 'nestjs_lock.method': 'Orders.pay' });
  });
});
