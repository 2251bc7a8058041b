// What a user of the package writes; check-package.mjs compiles it against the tarball under each Nest major.
import 'reflect-metadata';
import { strict as assert } from 'node:assert';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  currentLock,
  type Lock,
  Locked,
  LockModule,
  type LockModuleOptions,
  LockService,
  Once,
  OnElected,
} from 'nestjs-lock';
import { JobLocks, JobSemaphore, LockJobsModule } from 'nestjs-lock/jobs';
import { openTelemetryObserver } from 'nestjs-lock/opentelemetry';
import { prometheusObserver } from 'nestjs-lock/prometheus';
import { LockHealthIndicator } from 'nestjs-lock/terminus';
import { createLockManager } from 'nestjs-lock/web-locks';
import { Registry } from 'prom-client';

@Injectable()
class OrdersService {
  private paying = 0;

  constructor(private readonly locks: LockService) {}

  @Locked('order:<orderId>')
  async pay(orderId: string): Promise<number> {
    assert.equal(++this.paying, 1, `two payments of ${orderId} at once`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.paying--;
    return currentLock()!.fencingToken;
  }

  @Once('invoice:<orderId>', { remember: '1m' })
  async invoice(orderId: string): Promise<string | undefined> {
    return orderId;
  }

  async migrate(): Promise<boolean> {
    return await this.locks.run('migrations', { wait: '1m' }, async (lock) => lock.held);
  }
}

@Injectable()
class Feed {
  private lead!: (lock: Lock) => void;
  readonly leading = new Promise<Lock>((resolve) => {
    this.lead = resolve;
  });

  constructor(
    readonly jobs: JobLocks,
    readonly semaphore: JobSemaphore,
  ) {}

  @OnElected('feed')
  onElected(lock: Lock): void {
    this.lead(lock);
  }
}

export async function takeLocks(options: LockModuleOptions): Promise<void> {
  const jobs = { limits: { render: { servers: 2 } } };

  const registry = new Registry();
  const observer = [openTelemetryObserver(), prometheusObserver({ registry })];

  @Module({
    imports: [LockModule.forRoot({ ...options, observer }), LockJobsModule.forRoot(jobs)],
    providers: [OrdersService, Feed, LockHealthIndicator],
  })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'], abortOnError: false });
  const orders = app.get(OrdersService);
  assert.equal(await orders.migrate(), true);
  const tokens = await Promise.all([orders.pay('a'), orders.pay('a'), orders.pay('a')]);
  assert.equal(new Set(tokens).size, 3);

  const order = `${Date.now()}`;
  assert.deepEqual([await orders.invoice(order), await orders.invoice(order)], [order, undefined]);
  const feed = app.get(Feed);
  const term = await feed.leading;
  assert.equal(term.held, true);
  assert.equal((await feed.jobs.withLock('mail', order, () => 1)).status, 'ran');
  assert.equal(await feed.semaphore.run('render', () => 2), 2);
  assert.equal(await createLockManager(app.get(LockService)).request('web', (lock) => lock.mode), 'exclusive');
  assert.equal((await app.get(LockHealthIndicator).isHealthy('locks')).locks.status, 'up');
  const metrics = await registry.metrics();
  assert.match(metrics, /nestjs_lock_hold_duration_seconds_count\{label="order:<orderId>".*outcome="released"\} 3/);
  await app.close();
  assert.equal(term.signal.aborted, true);
}
