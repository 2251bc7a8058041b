import { Injectable } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Lock, Locked, LockModule, LockService, Once, OnElected } from '../../lib/index.js';
import { TestApp } from '../support/nest.js';
import { Recorder } from './recorder.js';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

@Injectable()
class Orders {
  @Locked('order:<id>')
  async pay(id: string): Promise<string> {
    return id;
  }

  @Locked(['from:<from>', 'to:<to>'])
  async move(from: string, to: string): Promise<string> {
    return from + to;
  }

  @Locked((id: string) => `free:${id}`)
  async free(id: string): Promise<string> {
    return id;
  }

  @Locked('order:<id>', { label: 'refund' })
  async refund(id: string): Promise<string> {
    return id;
  }

  @Locked('digest', { onBusy: 'skip' })
  async digest(): Promise<void> {}

  @Once('invoice:<id>', { remember: '1m' })
  async invoice(id: string): Promise<string | undefined> {
    return id;
  }

  @Once('mail:<id>', { remember: '1m', onBusy: 'skip' })
  async mail(id: string): Promise<void> {
    expect(id).toBe('1');
  }

  @OnElected('feed')
  feed(_lock: Lock): void {}
}

describe('What observers are told of decorated methods', () => {
  let recorder: Recorder;
  let app: TestApp;
  let orders: Orders;

  beforeEach(async () => {
    recorder = new Recorder();
    app = await TestApp.start({
      imports: [LockModule.forRoot({ store: 'memory', observer: recorder.observer })],
      providers: [Orders],
    });
    orders = app.get(Orders);
    await vi.waitFor(() => expect(recorder.happened('feed')).toContain('elected'));
  });
  afterEach(() => app.close());

  it.each<[string, () => Promise<unknown>, object]>([
    [
      'the template is the label',
      () => orders.pay('1'),
      { name: 'order:1', label: 'order:<id>', method: 'Orders.pay' },
    ],
    [
      'several templates are one label',
      () => orders.move('a', 'b'),
      { label: 'from:<from>, to:<to>', method: 'Orders.move' },
    ],
    ['a function has none', () => orders.free('1'), { name: 'free:1', label: 'other', method: 'Orders.free' }],
    ['the option goes first', () => orders.refund('1'), { name: 'order:1', label: 'refund', method: 'Orders.refund' }],
    ['also once', () => orders.invoice('1'), { name: 'invoice:1', label: 'invoice:<id>', method: 'Orders.invoice' }],
  ])('%s', async (_, call, told) => {
    await call();
    await soon();
    expect(recorder.last('acquired')).toMatchObject(told);
    expect(recorder.last('released')).toMatchObject(told);
  });

  it('calls that are skipped', async () => {
    const lock = await app.get(LockService).acquire(['digest', 'mail:1']);
    await orders.digest();
    await orders.mail('1');
    await lock.release();
    await orders.mail('1');
    await orders.mail('1');
    const locks = app.get(LockService);
    const slow = await locks.acquire('slow');
    const closed = locks.close();
    await soon();
    await orders.digest();
    await orders.mail('2');
    await slow.release();
    await closed;
    await soon();
    const skipped = recorder.told.flatMap(([what, event]) => (what === 'skipped' ? [event] : []));
    expect(skipped.map(({ name, why }) => `${name} ${why}`)).toEqual([
      'digest busy',
      'mail:1 busy',
      'mail:1 done',
      'digest closed',
      'mail:2 closed',
    ]);
    expect(skipped[0]).toMatchObject({ label: 'digest', method: 'Orders.digest', mode: 'exclusive' });
    expect(skipped[1]).toMatchObject({ label: 'mail:<id>', method: 'Orders.mail' });
  });

  it('elections', async () => {
    expect(recorder.last('elected')).toMatchObject({ name: 'feed', label: 'feed', method: 'Orders.feed' });
    await app.close();
    await soon();
    expect(recorder.last('deposed')).toMatchObject({
      name: 'feed',
      label: 'feed',
      method: 'Orders.feed',
      why: 'resigned',
    });
  });
});
