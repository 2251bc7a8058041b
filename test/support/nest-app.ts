// A Nest application of its own process, which ends by signals. `test/nest/shutdown-by-signal.test.ts` starts it.
import 'reflect-metadata';
import { Injectable, Module, type OnModuleDestroy } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { currentLock, Locked, LockModule } from '../../lib/index.js';

export type NestAppMessage = 'ready' | 'working' | 'stopping' | 'done' | 'lost';

const { REDIS_URL = '', NAMESPACE = '', SHUTDOWN_GRACE = '0' } = process.env;

const tell = (message: NestAppMessage) => process.send?.(message);

@Injectable()
class Work implements OnModuleDestroy {
  @Locked('work', { ttl: '1h' })
  async work(): Promise<void> {
    currentLock()?.signal.addEventListener('abort', () => tell('lost'));
    tell('working');
    await new Promise((resolve) => process.once('message', resolve));
    tell('done');
  }

  onModuleDestroy(): void {
    tell('stopping');
  }
}

@Module({
  imports: [LockModule.forRoot({ redis: REDIS_URL, namespace: NAMESPACE, shutdownGrace: Number(SHUTDOWN_GRACE) })],
  providers: [Work],
})
class AppModule {}

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
app.enableShutdownHooks();
process.once(
  'message',
  () =>
    void app
      .get(Work)
      .work()
      .catch(() => {}),
);
tell('ready');
