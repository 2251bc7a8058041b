// What a user of the package writes; check-package.mjs compiles it against the tarball under each Nest major.
import 'reflect-metadata';
import { strict as assert } from 'node:assert';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { currentLock, Locked, LockModule, type LockModuleOptions, LockService } from 'nestjs-lock';

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

  async migrate(): Promise<boolean> {
    return await this.locks.run('migrations', { wait: '1m' }, async (lock) => lock.held);
  }
}

export async function takeLocks(options: LockModuleOptions): Promise<void> {
  @Module({ imports: [LockModule.forRoot(options)], providers: [OrdersService] })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'], abortOnError: false });
  const orders = app.get(OrdersService);
  assert.equal(await orders.migrate(), true);
  const tokens = await Promise.all([orders.pay('a'), orders.pay('a'), orders.pay('a')]);
  assert.equal(new Set(tokens).size, 3);
  await app.close();
}
