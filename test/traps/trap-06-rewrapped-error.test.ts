import {
  type ArgumentsHost,
  Catch,
  ConflictException,
  Controller,
  type ExceptionFilter,
  Get,
  HttpException,
  Injectable,
  Param,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { describe, expect, it } from 'vitest';
import { Locked, LockModule } from '../../lib/index.js';
import { until } from '../support/event.js';
import { down, FaultyStore } from '../support/faulty-store.js';
import { TestApp } from '../support/nest.js';
import { useRedis } from '../support/redis.js';
import { bothStores, quiet } from '../support/stores.js';

class OutOfStock extends Error {
  constructor(readonly article: string) {
    super('out of stock');
  }
}

class Teapot extends HttpException {
  constructor() {
    super({ message: 'short and stout', code: 'TEAPOT' }, 418, { cause: 'tea' });
  }
}

/** What the bodies throw; one object each, so that a copy or a wrapping shows. */
const THROWN: Record<string, unknown> = {
  http: new ConflictException('already paid'),
  teapot: new Teapot(),
  domain: new OutOfStock('shoe'),
  frozen: Object.freeze(new OutOfStock('hat')),
  text: 'just a text',
  object: { code: 'LOCK_BUSY' },
};

/** Keeps what reaches Nest. */
@Catch()
class Recorder implements ExceptionFilter {
  static readonly seen: unknown[] = [];

  catch(exception: unknown, host: ArgumentsHost): void {
    Recorder.seen.push(exception);
    const status = exception instanceof HttpException ? exception.getStatus() : 500;
    host.switchToHttp().getResponse().status(status).json({});
  }
}

@Catch(OutOfStock)
class OutOfStockFilter implements ExceptionFilter<OutOfStock> {
  catch({ article }: OutOfStock, host: ArgumentsHost): void {
    host.switchToHttp().getResponse().status(410).json({ article });
  }
}

@Injectable()
class Shop {
  @Locked('shop:<kind>')
  async sell(kind: string): Promise<void> {
    throw THROWN[kind];
  }

  @Locked('sync:<kind>')
  sellNow(kind: string): Promise<void> {
    throw THROWN[kind];
  }

  @OnEvent('sell', { suppressErrors: false })
  @Locked('event:<kind>')
  async onSell(kind: string): Promise<void> {
    throw THROWN[kind];
  }

  @Cron('0 0 1 1 *', { name: 'yearly' })
  @Locked('cron:yearly')
  async yearly(): Promise<void> {
    throw THROWN.domain;
  }
}

@Controller()
class ShopController {
  constructor(private readonly shop: Shop) {}

  @Get('guarded/:kind')
  @Locked('guarded:<kind>')
  async guarded(@Param('kind') kind: string): Promise<void> {
    throw THROWN[kind];
  }

  @Locked('above:<kind>')
  @Get('above/:kind')
  async above(@Param('kind') kind: string): Promise<void> {
    throw THROWN[kind];
  }

  @Get('nested/:kind')
  @Locked('nested:<kind>')
  async nested(@Param('kind') kind: string): Promise<void> {
    await this.shop.sell(kind);
  }

  @Get('sync/:kind')
  async sync(@Param('kind') kind: string): Promise<void> {
    await this.shop.sellNow(kind);
  }

  @Get('skipping/:kind')
  @Locked('skipping:<kind>', { onBusy: 'skip' })
  async skipping(@Param('kind') kind: string): Promise<void> {
    throw THROWN[kind];
  }
}

describe('trap 6: an exception of the decorated method is wrapped anew', () => {
  const redis = useRedis();
  const module = { controllers: [ShopController], providers: [Shop] };
  const recorder = { provide: APP_FILTER, useClass: Recorder };

  describe.each(bothStores(redis))('in $name', (store) => {
    it.each(['guarded', 'above', 'nested', 'sync', 'skipping'])(
      'the same object reaches the filters (%s)',
      async (route) => {
        const imports = [LockModule.forRoot(store.shared())];
        await using app = await TestApp.start({ ...module, imports, providers: [Shop, recorder] });
        for (const [kind, thrown] of Object.entries(THROWN)) {
          await app.fetch(`/${route}/${kind}`);
          expect(Recorder.seen.pop()).toBe(thrown);
          expect(Recorder.seen).toEqual([]);
        }
      },
    );

    it('answers and filters are those of the method without the lock', async () => {
      const imports = [LockModule.forRoot(store.shared())];
      const filter = { provide: APP_FILTER, useClass: OutOfStockFilter };
      await using app = await TestApp.start({ ...module, imports, providers: [Shop, filter] });
      const answer = async (path: string): Promise<unknown> => {
        const response = await app.fetch(path);
        return { status: response.status, body: await response.json() };
      };
      expect(await answer('/guarded/http')).toMatchObject({ status: 409, body: { message: 'already paid' } });
      expect(await answer('/guarded/teapot')).toEqual({
        status: 418,
        body: { message: 'short and stout', code: 'TEAPOT' },
      });
      expect(await answer('/guarded/domain')).toEqual({ status: 410, body: { article: 'shoe' } });
      expect(await answer('/guarded/text')).toMatchObject({ status: 500 });
    });

    it('the same object reaches whoever emitted an event, and the log of a job', async () => {
      const imports = [LockModule.forRoot(store.shared()), EventEmitterModule.forRoot(), ScheduleModule.forRoot()];
      await using app = await TestApp.start({ ...module, imports });
      for (const [kind, thrown] of Object.entries(THROWN)) {
        await expect(app.get(EventEmitter2).emitAsync('sell', kind)).rejects.toBe(thrown);
      }
      app.get(SchedulerRegistry).getCronJob('yearly').fireOnTick();
      await until(() => app.log.errors.includes(THROWN.domain));
    });
  });

  it('the same object reaches the filters when the release fails', async () => {
    const faulty = new FaultyStore();
    const imports = [LockModule.forRoot({ store: faulty.store, logger: quiet })];
    await using app = await TestApp.start({ ...module, imports, providers: [Shop, recorder] });
    faulty.faults.release = down;
    for (const [kind, thrown] of Object.entries(THROWN)) {
      await app.fetch(`/nested/${kind}`);
      expect(Recorder.seen.pop()).toBe(thrown);
    }
  });
});
