import { Injectable } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { expect, it, onTestFinished } from 'vitest';
import { Locked, LockModule } from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { TestApp } from '../support/nest.js';

const going = deferred<void>();

@Injectable()
class Orders {
  readonly order: string[] = [];

  constructor(private readonly events: EventEmitter2) {}

  @Locked('order:<id>')
  async pay(id: string): Promise<void> {
    this.events.emit('order.paid', { id });
    await going.promise;
    this.order.push('paid');
  }

  @Locked('order:<id>')
  async payAndWait(id: string): Promise<void> {
    await this.events.emitAsync('order.shared', { id });
    this.order.push('paid');
  }
}

@Injectable()
class Invoices {
  constructor(private readonly orders: Orders) {}

  @OnEvent('order.paid')
  @Locked('order:<event.id>')
  async write(event: { id: string }): Promise<void> {
    this.orders.order.push(`invoice ${event.id}`);
  }
}

@Injectable()
class Labels {
  constructor(private readonly orders: Orders) {}

  // The order of the two decorators does not matter.
  @Locked('order:<event.id>')
  @OnEvent('order.paid')
  async print(event: { id: string }): Promise<void> {
    this.orders.order.push(`label ${event.id}`);
  }

  @OnEvent('order.shared')
  @Locked('order:<event.id>', { reentrant: true })
  async share(event: { id: string }): Promise<void> {
    this.orders.order.push(`shared ${event.id}`);
  }
}

it('listeners of an event that is emitted under a lock come after it, unless they ask to share it', async () => {
  const imports = [LockModule.forRoot({ store: 'memory' }), EventEmitterModule.forRoot()];
  const app = await TestApp.start({ imports, providers: [Orders, Invoices, Labels] });
  onTestFinished(() => app.close());
  const orders = app.get(Orders);
  const paid = orders.pay('7');
  await new Promise(setImmediate);
  expect(orders.order).toEqual([]);
  going.resolve();
  await paid;
  await until(() => orders.order.length === 3);
  expect(orders.order[0]).toBe('paid');
  expect(orders.order.slice(1).sort()).toEqual(['invoice 7', 'label 7']);

  await orders.payAndWait('8');
  expect(orders.order.slice(3)).toEqual(['shared 8', 'paid']);
  expect(app.log.errors).toEqual([]);
});
