// Locked handlers of a WebSocket gateway with LockExceptionFilter; ADAPTER: `io` or `ws`.
import 'reflect-metadata';
import { Module, UseFilters } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets';
import { LockExceptionFilter, Locked, LockModule } from '../../../lib/index.js';
import { logger, tell } from '../support/messages.js';

const { REDIS_URL, NAMESPACE, ADAPTER } = process.env;

@WebSocketGateway()
class Auction {
  @UseFilters(LockExceptionFilter)
  @SubscribeMessage('bid')
  @Locked('lot:<data.lot>', { wait: '50ms' })
  async bid(@ConnectedSocket() _client: object, @MessageBody() data: { lot: string }) {
    return { event: 'accepted', data: data.lot };
  }

  @UseFilters(LockExceptionFilter)
  @SubscribeMessage('offer')
  @Locked('lot:<data.lot>', { wait: '50ms' })
  async offer(@ConnectedSocket() _client: object, @MessageBody() data: { lot: string }) {
    return `accepted ${data.lot}`;
  }

  @UseFilters(LockExceptionFilter)
  @SubscribeMessage('patient')
  @Locked('lot:<data.lot>', { wait: '2s' })
  async patient(@ConnectedSocket() _client: object, @MessageBody() data: { lot: string }) {
    return { event: 'accepted', data: data.lot };
  }

  /** What Nest's own filter makes of the same. */
  @SubscribeMessage('own')
  own(): never {
    throw new WsException({ status: 'error', message: 'Locked', code: 'LOCK_BUSY' });
  }
}

const locks = LockModule.forRoot({
  redis: REDIS_URL,
  namespace: NAMESPACE,
  instance: 'pod-7f9c',
  commandTimeout: '500ms',
});

@Module({ imports: [locks], providers: [Auction] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger });
app.useWebSocketAdapter(ADAPTER === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
await app.listen(0, '127.0.0.1');
tell('ready', app.getHttpServer().address().port);
