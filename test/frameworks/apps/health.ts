// An HTTP application with the health check of Terminus, in the version that belongs to its Nest.
import 'reflect-metadata';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { LockModule } from '../../../lib/index.js';
import { LockHealthIndicator } from '../../../lib/terminus.js';
import { logger, tell } from '../support/messages.js';

const { REDIS_URL, QUORUM, NAMESPACE, TIMEOUT = '1s' } = process.env;

@Controller()
class Health {
  constructor(
    private readonly health: HealthCheckService,
    private readonly locks: LockHealthIndicator,
  ) {}

  @Get('health')
  @HealthCheck()
  check(): Promise<unknown> {
    return this.health.check([() => this.locks.isHealthy('locks', { timeout: TIMEOUT as '1s' })]);
  }
}

const source = QUORUM ? { quorum: QUORUM.split(',') } : { redis: REDIS_URL };

@Module({
  imports: [LockModule.forRoot({ ...source, namespace: NAMESPACE, logger }), TerminusModule.forRoot({ logger: false })],
  controllers: [Health],
  providers: [LockHealthIndicator],
})
class AppModule {}

const app: INestApplication = await NestFactory.create(AppModule, { logger });
await app.listen(0, '127.0.0.1');
tell('ready', app.getHttpServer().address().port);
