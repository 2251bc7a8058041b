import { describe, expect, it } from 'vitest';
import { createLockService, type Duration, type LockError, type LockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';
import { hears, unavailable } from '../../support/redis-observe.js';
import { quiet } from '../../support/stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

describe('waiting through an outage', () => {
  const redis = useRedis();

  /** Two services wait for a lock that a third one holds: first the one whose connection goes through the proxy. */
  async function line(commandTimeoutOfFirst: number, ttl: Duration = '15s') {
    const namespace = unique('ns');
    const proxy = await TcpProxy.start(redis.server);
    const options = {
      namespace,
      logger: quiet,
      shutdownGrace: 0,
      commandTimeout: '20s',
      defaults: { wait: '1m' },
    } as const;
    const holder = await createLockService({ redis: redis.url, ...options });
    const first = await createLockService({ redis: proxy.url, ...options, commandTimeout: commandTimeoutOfFirst });
    const second = await createLockService({ redis: redis.url, ...options });
    const lock = await holder.acquire('n', { ttl });
    const order: string[] = [];
    const key = `${namespace}:{n}`;
    const [queue, waiters] = [`${key}:queue`, `${key}:waiter`];
    const stand = async (service: LockService, name: string): Promise<void> => {
      const before = await redis.client.zcard(queue);
      const waiting = service.run('n', () => void order.push(name));
      waiting.catch(({ code }: LockError) => order.push(code));
      await until(async () => (await redis.client.zcard(queue)) > before, { describe: 'a place in the queue' });
    };
    await stand(first, 'first');
    await stand(second, 'second');
    const close = async (): Promise<void> => {
      await Promise.all([holder, first, second].map((service) => service.close()));
      proxy.stop();
    };
    return { proxy, lock, order, key, queue, waiters, first, [Symbol.asyncDispose]: close };
  }

  it('a waiter keeps its place over an outage that is shorter than commandTimeout', async () => {
    await using on = await line(20_000);
    const { proxy, lock, order, key, queue, waiters } = on;
    const places = await redis.client.zrange(queue, '0', '-1', 'WITHSCORES');
    proxy.refuseConnections();
    proxy.resetAll();
    const [head] = places as [string];
    const before = await redis.client.hget(waiters, head);
    await proxy.acceptConnections();
    const back = async () => (await redis.client.hget(waiters, head)) !== before && (await hears(redis.client, key));
    await until(back, { describe: 'the first to have asked again, and to hear' });
    expect(await redis.client.zrange(queue, '0', '-1', 'WITHSCORES')).toEqual(places);
    await lock.release();
    await until(() => order.length === 2);
    expect(order).toEqual(['first', 'second']);
  });

  it('a waiter that the store forgot meanwhile gets its old place back', async () => {
    await using on = await line(20_000, '3s');
    const { proxy, lock, order, queue, waiters } = on;
    const places = await redis.client.zrange(queue, '0', '-1', 'WITHSCORES');
    proxy.refuseConnections();
    proxy.resetAll();
    await redis.client.del(queue, waiters);
    await proxy.acceptConnections();
    const placesAgain = async () =>
      (await redis.client.zrange(queue, '0', '-1', 'WITHSCORES')).join() === places.join();
    // Whose connection was not cut asks when the lease of the holder ends.
    await until(placesAgain, { describe: 'both in their old places' });
    await lock.release();
    await until(() => order.length === 2);
    expect(order).toEqual(['first', 'second']);
  });

  it('a waiter is told after commandTimeout when the outage lasts', async () => {
    await using on = await line(300);
    const { proxy, order } = on;
    proxy.refuseConnections();
    proxy.resetAll();
    await until(() => order.length === 1);
    expect(order[0]).toBe('LOCK_UNAVAILABLE');
  });

  it('a wait that ends while the store is away is no proof that the lock is busy', async () => {
    await using on = await line(20_000);
    const { proxy, first } = on;
    proxy.refuseConnections();
    proxy.resetAll();
    await unavailable(first.acquire('n', { wait: '4s' }));
  });

  it('a wait that ends while the server refuses is no proof that the lock is busy', async () => {
    await using on = await line(20_000, '3s');
    // It asks again when the lease of the holder ends.
    const waiting = unavailable(on.first.acquire('n', { wait: '6s' }));
    await redis.client.config('SET', 'min-replicas-to-write', '1');
    const { cause } = await waiting.finally(() => redis.client.config('SET', 'min-replicas-to-write', '0'));
    expect((cause as Error).message).toMatch(/^NOREPLICAS/);
  });

  it('a single refusal ends no wait, however short commandTimeout is', async () => {
    await using on = await line(1_500);
    const { proxy, lock, order } = on;
    await redis.client.config('SET', 'min-replicas-to-write', '1');
    await proxy.seen('acquire'); // will be refused
    let asked = false;
    const again = proxy.seen('acquire').then(() => {
      asked = true;
    });
    await until(() => asked || order.length > 0, { describe: 'the next attempt' });
    await redis.client.config('SET', 'min-replicas-to-write', '0');
    expect(order).toEqual([]);
    await again;
    await lock.release();
    await until(() => order.length === 2);
    expect(order).toEqual(['first', 'second']);
  });
});
