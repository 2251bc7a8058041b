import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createLockService,
  LockOptionsError,
  type LockService,
  type LockStore,
  MemoryLockStore,
  type StoreStatus,
} from '../../lib/index.js';
import { prometheusObserver } from '../../lib/prometheus.js';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Prometheus', () => {
  const services: LockService[] = [];
  let registry: Registry;

  beforeEach(() => {
    registry = new Registry();
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  async function open(store: 'memory' | LockStore = 'memory'): Promise<LockService> {
    const service = await createLockService({ store, shutdownGrace: 0, observer: prometheusObserver({ registry }) });
    services.push(service);
    return service;
  }

  /** The lines of one metric that are no comment. */
  async function scraped(name: string): Promise<string[]> {
    await soon();
    const text = await registry.metrics();
    return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  }

  it('writes the instruments into the registry that it is given, and into no other', async () => {
    const locks = await open();
    const lock = await locks.acquire('order:1', { label: 'order' });
    await expect(locks.acquire('order:1', { label: 'order', wait: 0 })).rejects.toThrow();
    await locks.tryRun('order:1', { label: 'order' }, () => undefined);
    const labels = 'label="order",mode="exclusive",store="memory"';
    expect(await scraped('nestjs_lock_held')).toEqual([`nestjs_lock_held{${labels}} 1`]);
    await locks.forceRelease('order:1');
    await lock.release();
    expect(await scraped('nestjs_lock_held')).toEqual([`nestjs_lock_held{${labels}} 0`]);
    expect(await scraped('nestjs_lock_lost_total')).toEqual([`nestjs_lock_lost_total{${labels},why="forced"} 1`]);
    expect(await scraped('nestjs_lock_skipped_total')).toEqual([`nestjs_lock_skipped_total{${labels},why="busy"} 1`]);
    expect(await scraped('nestjs_lock_wait_duration_seconds_count')).toEqual([
      `nestjs_lock_wait_duration_seconds_count{${labels},outcome="acquired"} 1`,
      `nestjs_lock_wait_duration_seconds_count{${labels},outcome="busy"} 2`,
    ]);
    expect(await scraped('nestjs_lock_hold_duration_seconds_count')).toEqual([
      `nestjs_lock_hold_duration_seconds_count{${labels},outcome="lost"} 1`,
    ]);
    expect(await scraped('nestjs_lock_store_duration_seconds_count')).toContain(
      'nestjs_lock_store_duration_seconds_count{store="memory",operation="force",outcome="answered"} 1',
    );
    expect(await new Registry().metrics()).not.toContain('nestjs_lock');
  });

  it('shares the metrics of a registry between services', async () => {
    const [first, second] = [await open(), await open()];
    await first.acquire('door');
    await second.acquire('door');
    expect(await scraped('nestjs_lock_held')).toEqual([
      'nestjs_lock_held{label="other",mode="exclusive",store="memory"} 2',
    ]);
  });

  it('tells whether messages are proven, as long as anybody has to know', async () => {
    const status = { kind: 'mine', messagesProven: undefined as boolean | undefined };
    class Mine extends MemoryLockStore {
      override status(): StoreStatus {
        return status;
      }
    }
    await open(new Mine());
    expect(await scraped('nestjs_lock_messages_proven')).toEqual([]);
    status.messagesProven = false;
    expect(await scraped('nestjs_lock_messages_proven')).toEqual(['nestjs_lock_messages_proven{store="mine"} 0']);
    status.messagesProven = true;
    expect(await scraped('nestjs_lock_messages_proven')).toEqual(['nestjs_lock_messages_proven{store="mine"} 1']);
    await services.pop()?.close();
    expect(await scraped('nestjs_lock_messages_proven')).toEqual([]);
  });

  it.each([[undefined], [{}], ['register']])('needs a registry, and %j is none', (wrong) => {
    expect(() => prometheusObserver({ registry: wrong as unknown as Registry })).toThrow(LockOptionsError);
  });
});
