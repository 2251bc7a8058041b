import { type ArgumentsHost, ConflictException, Controller, Get, Param, Res, UseFilters } from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  LockBusyError,
  LockClosedError,
  LockExceptionFilter,
  Locked,
  LockKeyError,
  LockLostError,
  LockModule,
  LockService,
  LockUnavailableError,
  LockUpgradeError,
} from '../../lib/index.js';
import { down, FaultyStore } from '../support/faulty-store.js';
import { TestApp, type TestAppOptions } from '../support/nest.js';

const busy = (retryAfter: number | null = 1_500) => new LockBusyError('order:secret', 10, ['till-7'], retryAfter);

const ERRORS: Record<string, Error> = {
  'busy-0': busy(0),
  'busy-1': busy(1),
  'busy-1000': busy(1_000),
  'busy-1001': busy(1_001),
  'busy-29999': busy(29_999.5),
  'busy-null': busy(null),
  unavailable: new LockUnavailableError('order:secret', 'down'),
  closed: new LockClosedError('order:secret'),
  lost: new LockLostError('order:secret', 'expired'),
  key: new LockKeyError('bad'),
  upgrade: new LockUpgradeError('order:secret'),
  conflict: new ConflictException('twice'),
  other: new Error('secret'),
};

class Routes {
  @Get('throw/:what')
  async throw(@Param('what') what: string): Promise<void> {
    throw ERRORS[what];
  }

  @Get('orders/:id')
  @Locked('order:<id>', { wait: 0 })
  async pay(@Param('id') id: string) {
    return { id };
  }

  @Get('half')
  async half(@Res() response: { write(text: string): void }): Promise<void> {
    response.write('half');
    throw busy();
  }
}

@Controller()
class Plain extends Routes {}

@Controller()
@UseFilters(LockExceptionFilter)
class Filtered extends Routes {}

const asAppFilter = { controllers: [Plain], providers: [{ provide: APP_FILTER, useClass: LockExceptionFilter }] };
const asGlobalFilter: TestAppOptions = {
  configure: (app) => app.useGlobalFilters(new LockExceptionFilter(app.get(HttpAdapterHost))),
};

async function start(
  metadata: { controllers: (typeof Plain)[]; providers?: typeof asAppFilter.providers } = asAppFilter,
  { store, ...options }: TestAppOptions & { store?: FaultyStore } = {},
): Promise<TestApp> {
  const imports = [LockModule.forRoot({ store: store?.store ?? 'memory' })];
  const app = await TestApp.start({ imports, ...metadata }, options);
  onTestFinished(() => app.close());
  return app;
}

describe.each([
  ['as APP_FILTER', () => start()],
  ['with @UseFilters', () => start({ controllers: [Filtered] })],
  ['as a global filter', () => start({ controllers: [Plain] }, asGlobalFilter)],
  ['as APP_FILTER on Fastify', () => start(asAppFilter, { adapter: new FastifyAdapter() })],
])('LockExceptionFilter %s', (_how, started) => {
  it('answers a busy lock with 423 and the whole seconds after which to come again', async () => {
    const app = await started();
    for (const [retryAfter, seconds] of [
      [0, '1'],
      [1, '1'],
      [1_000, '1'],
      [1_001, '2'],
      [29_999, '30'],
    ]) {
      const response = await app.fetch(`/throw/busy-${retryAfter}`);
      expect(response.status).toBe(423);
      expect(response.headers.get('retry-after')).toBe(seconds);
      expect(await response.json()).toEqual({ statusCode: 423, message: 'Locked', code: 'LOCK_BUSY' });
    }
  });

  it('answers a handler whose lock is held elsewhere, and lets it through afterwards', async () => {
    const app = await started();
    const held = await app.get(LockService).acquire('order:7', { ttl: '5s' });
    const response = await app.fetch('/orders/7');
    expect(response.status).toBe(423);
    const seconds = Number(response.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(5);
    await held.release();
    expect(await (await app.fetch('/orders/7')).json()).toEqual({ id: '7' });
  });

  it('answers an unavailable store, and a service that shuts down, with 503', async () => {
    const app = await started();
    for (const [what, code] of [
      ['unavailable', 'LOCK_UNAVAILABLE'],
      ['closed', 'LOCK_CLOSED'],
    ]) {
      const response = await app.fetch(`/throw/${what}`);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toBeNull();
      expect(await response.json()).toEqual({ statusCode: 503, message: 'Service Unavailable', code });
    }
  });

  it('leaves all other errors to Nest', async () => {
    const app = await started();
    for (const what of ['lost', 'key', 'upgrade', 'other']) {
      const response = await app.fetch(`/throw/${what}`);
      expect(response.status).toBe(500);
      expect(await response.json()).toEqual({ statusCode: 500, message: 'Internal server error' });
      expect(app.log.errors).toContain(ERRORS[what]);
    }
    expect((await app.fetch('/throw/conflict')).status).toBe(409);
  });
});

describe('LockExceptionFilter', () => {
  it('tells the client neither the name of the lock nor who holds it', async () => {
    const app = await start();
    for (const what of ['busy-1', 'unavailable', 'closed']) {
      expect(await (await app.fetch(`/throw/${what}`)).text()).not.toMatch(/secret|till-7/);
    }
  });

  it('answers 503 for a handler whose store is down', async () => {
    const store = new FaultyStore();
    store.faults.acquire = down;
    const app = await start(asAppFilter, { store });
    const response = await app.fetch('/orders/7');
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it('ends an answer that has begun, as the filter of Nest does', async () => {
    const app = await start();
    const response = await app.fetch('/half');
    expect(await response.text()).toBe('half');
    expect(app.log.errors).toEqual([]);
  });

  it('leaves Retry-After out where nobody knows when the lock will be free', async () => {
    const app = await start();
    const response = await app.fetch('/throw/busy-null');
    expect(response.status).toBe(423);
    expect(response.headers.get('retry-after')).toBeNull();
  });

  it('lets errors pass as they are where it does not know what to answer', () => {
    const filter = new LockExceptionFilter(new HttpAdapterHost());
    const error = busy();
    expect(() => filter.catch(error, { getType: () => 'telegraf' } as unknown as ArgumentsHost)).toThrow(error);
  });
});
