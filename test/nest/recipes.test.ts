// What README.md and docs/production.md show and is more than a call of ours.

import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import {
  type BeforeApplicationShutdown,
  Controller,
  Get,
  Injectable,
  type MiddlewareConsumer,
  Module,
  type NestModule,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { expect, it, onTestFinished } from 'vitest';
import { Locked, LockModule, LockService } from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { TestApp } from '../support/nest.js';

@Injectable()
class OrdersService {
  @Locked('order:<0>')
  async pay(_orderId: string): Promise<void> {}
}

it('a test on the memory store ends at once when it gives back what it has taken', async () => {
  const app = await Test.createTestingModule({
    imports: [LockModule.forRoot({ store: 'memory', defaults: { wait: 0 } })],
    providers: [OrdersService],
  }).compile();

  const lock = await app.get(LockService).acquire('order:42');
  await expect(app.get(OrdersService).pay('42')).rejects.toMatchObject({ code: 'LOCK_BUSY' });
  await lock.release();
  await app.close();
});

@Module({})
class DrainModule implements NestModule, BeforeApplicationShutdown {
  isDraining = false;

  beforeApplicationShutdown(): void {
    this.isDraining = true;
  }

  configure(consumer: MiddlewareConsumer): void {
    const drain = (_request: unknown, response: ServerResponse, next: () => void): void => {
      if (this.isDraining) response.setHeader('Connection', 'close');
      next();
    };
    consumer.apply(drain).forRoutes('{*path}');
  }
}

@Controller()
class Answers {
  readonly gate = deferred<void>();
  asked = 0;

  @Get()
  async answer(): Promise<string> {
    this.asked += 1;
    await this.gate.promise;
    return 'here';
  }
}

it('an application ends under a client that goes on sending over its connection', async () => {
  const app = await TestApp.start({
    controllers: [Answers],
    imports: [DrainModule, LockModule.forRoot({ store: 'memory' })],
  });
  const answers = app.get(Answers);
  const client = connect(Number(new URL(app.url).port), '127.0.0.1');
  onTestFinished(() => void client.destroy());
  let received = '';
  client.on('data', (data) => {
    received += String(data);
  });
  const send = (): void => void client.write('GET / HTTP/1.1\r\nHost: here\r\n\r\n');
  send();
  await until(() => answers.asked === 1);
  const closed = app.close();
  await until(() => app.get(DrainModule).isDraining);
  answers.gate.resolve();
  await until(() => received.endsWith('here'));
  expect(received).toContain('Connection: keep-alive');
  send();
  await until(() => received.includes('Connection: close'));
  await closed;
});
