import { Controller, Inject, Injectable, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { describe, expect, it, onTestFinished } from 'vitest';
import { currentLock, Locked, LockModule, LockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { Room, TestApp } from '../../support/nest.js';

interface Paid {
  orderId: string;
  by: string;
}

const names = () => currentLock()?.names;

@Injectable()
class Ledger {
  readonly room = new Room();
  readonly locks: (readonly string[] | undefined)[] = [];

  @OnEvent('order.above')
  @Locked('order:<event.orderId>')
  async above(event: Paid): Promise<void> {
    this.locks.push(names());
    await this.room.visit(event.by);
  }

  @Locked('order:<event.orderId>')
  @OnEvent('order.below')
  async below(event: Paid): Promise<void> {
    this.locks.push(names());
    await this.room.visit(event.by);
  }

  @OnEvent('order.one')
  @OnEvent('order.two')
  @Locked('order:<orderId>:<by>')
  async several(orderId: string, by: string): Promise<void> {
    this.locks.push([...(names() ?? []), orderId, by]);
  }

  @OnEvent('order.strict', { suppressErrors: false })
  @Locked('order:<event.orderId>', { wait: 0 })
  async strict(event: Paid): Promise<string> {
    return event.by;
  }
}

const seen: unknown[] = [];

@Injectable({ scope: Scope.REQUEST })
class PerEvent {
  constructor(@Inject(REQUEST) private readonly request: Paid) {}

  @OnEvent('order.scoped')
  @Locked('order:<event.orderId>')
  async handle(event: Paid): Promise<void> {
    seen.push([names(), event.by, this.request.by]);
  }
}

@Controller()
class Hooks {
  @OnEvent('order.controller')
  @Locked('order:<event.orderId>')
  async handle(event: Paid): Promise<void> {
    seen.push([names(), event.by]);
  }
}

async function start() {
  const imports = [EventEmitterModule.forRoot(), LockModule.forRoot({ store: 'memory' })];
  const app = await TestApp.start({ imports, providers: [Ledger, PerEvent], controllers: [Hooks] });
  onTestFinished(() => app.close());
  return { app, ledger: app.get(Ledger), events: app.get(EventEmitter2), locks: app.get(LockService) };
}

describe('A guarded event handler', () => {
  it.each(['above', 'below'])('hears its events one at a time for a name, with @OnEvent %s @Locked', async (order) => {
    const { ledger, events, locks } = await start();
    const first = events.emitAsync(`order.${order}`, { orderId: '7', by: 'first' });
    await until(() => ledger.room.visitors.length === 1);
    const second = events.emitAsync(`order.${order}`, { orderId: '7', by: 'second' });
    await until(async () => (await locks.inspect('order:7')).waiting.length === 1);
    ledger.room.letOut('second');
    expect(ledger.room.visitors).toEqual(['first']);
    ledger.room.letOut('first');
    await Promise.all([first, second]);
    expect(ledger.room.visitors).toEqual(['first', 'second']);
    expect(ledger.room.most).toBe(1);
    expect(ledger.locks).toEqual([['order:7'], ['order:7']]);
  });

  it('hears all its events, with all their values', async () => {
    const { ledger, events } = await start();
    await events.emitAsync('order.one', '7', 'a');
    await events.emitAsync('order.two', '8', 'b');
    expect(ledger.locks).toEqual([
      ['order:7:a', '7', 'a'],
      ['order:8:b', '8', 'b'],
    ]);
  });

  it('gives its result and its errors to who emits, where the handler says so', async () => {
    const { events, locks } = await start();
    expect(await events.emitAsync('order.strict', { orderId: '7', by: 'me' })).toEqual(['me']);
    await using _held = await locks.acquire('order:7');
    await expect(events.emitAsync('order.strict', { orderId: '7', by: 'me' })).rejects.toMatchObject({
      code: 'LOCK_BUSY',
    });
  });

  it('works in request scope, and in controllers', async () => {
    const { app, events } = await start();
    await events.emitAsync('order.scoped', { orderId: '7', by: 'scoped' });
    await events.emitAsync('order.controller', { orderId: '8', by: 'controller' });
    expect(seen).toEqual([
      [['order:7'], 'scoped', 'scoped'],
      [['order:8'], 'controller'],
    ]);
    expect(app.log.errors).toEqual([]);
  });
});
