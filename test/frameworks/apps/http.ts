// An HTTP application with shutdown hooks, crons and locks. ADAPTER: `express` or `fastify`; FIRST: whether LockModule is
// imported before everything else that has to do with locks, or after it.
import 'reflect-metadata';
import {
  Controller,
  Get,
  Global,
  type INestApplication,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleDestroy,
  Param,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Interval, ScheduleModule } from '@nestjs/schedule';
import { Locked, LockModule } from '../../../lib/index.js';
import { logger, tell } from '../support/messages.js';

const { REDIS_URL, NAMESPACE, ADAPTER, FIRST } = process.env;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

@Controller()
class Orders implements OnModuleDestroy {
  #inside = new Set<string>();

  @Get('pay/:id')
  @Locked('order:<id>', { wait: '5m' })
  async pay(@Param('id') id: string) {
    const alone = !this.#inside.has(id);
    this.#inside.add(id);
    await pause(5);
    this.#inside.delete(id);
    return { paid: id, alone };
  }

  onModuleDestroy(): void {
    tell('closing', 'begun');
  }
}

let ticks = 0;

/** Whatever these reject with is logged as an error. */
@Injectable()
class Ticks {
  // A name each, since a tick that waits at the end would be told so.
  @Interval(3)
  @Locked(() => `tick:${ticks++}`)
  async tick(): Promise<void> {}

  @Interval(3)
  @Locked('tick', { onBusy: 'skip', wait: '1s' })
  async skipped(): Promise<void> {}
}

/** Between the hooks of the others there is time for many ticks. */
@Injectable()
class Slow implements OnApplicationShutdown {
  async onApplicationShutdown(): Promise<void> {
    await pause(200);
  }
}

@Global()
@Module({ providers: [Slow] })
class SlowModule {}

const locks = LockModule.forRoot({ redis: REDIS_URL, namespace: NAMESPACE, logger });
const others = [SlowModule, ScheduleModule.forRoot()];

@Module({
  imports: FIRST === 'yes' ? [locks, ...others] : [...others.reverse(), locks],
  controllers: [Orders],
  providers: [Ticks],
})
class AppModule {}

const options = { logger };
const app: INestApplication =
  ADAPTER === 'fastify'
    ? await NestFactory.create(AppModule, new FastifyAdapter(), options)
    : await NestFactory.create(AppModule, options);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
tell('ready', app.getHttpServer().address().port);
