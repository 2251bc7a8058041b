// Locked handlers of a TCP microservice with LockExceptionFilter.
import 'reflect-metadata';
import { Controller, Module, UseFilters } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, MessagePattern, RpcException, Transport } from '@nestjs/microservices';
import { LockExceptionFilter, Locked, LockModule } from '../../../lib/index.js';
import { freePort } from '../../support/free-port.js';
import { logger, tell } from '../support/messages.js';

const { REDIS_URL, NAMESPACE } = process.env;

@Controller()
class Auction {
  #events: string[] = [];

  @UseFilters(LockExceptionFilter)
  @MessagePattern('bid')
  @Locked('lot:<data.lot>', { wait: '50ms' })
  async bid(data: { lot: string }): Promise<string> {
    return `accepted ${data.lot}`;
  }

  /** Has no client that could be answered. */
  @UseFilters(LockExceptionFilter)
  @EventPattern('seen')
  @Locked('lot:<data.lot>', { wait: '50ms' })
  async seen(data: { lot: string }): Promise<void> {
    this.#events.push(data.lot);
  }

  @MessagePattern('events')
  events(): string[] {
    return this.#events;
  }

  /** What Nest's own filter makes of the same. */
  @MessagePattern('own')
  own(): never {
    throw new RpcException({ status: 'error', message: 'Locked', code: 'LOCK_BUSY' });
  }
}

const locks = LockModule.forRoot({
  redis: REDIS_URL,
  namespace: NAMESPACE,
  instance: 'pod-7f9c',
  commandTimeout: '500ms',
});

@Module({ imports: [locks], controllers: [Auction] })
class AppModule {}

const port = await freePort();
const options = { host: '127.0.0.1', port };
const app = await NestFactory.createMicroservice(AppModule, { transport: Transport.TCP, options, logger });
await app.listen();
tell('ready', port);
