import { describe, expect, it } from 'vitest';
import { createLockService, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, inTests } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

// A lease that nobody gives back outlives every test.
const ttl = '1h';
const patient = { ttl, wait: '20s' } as const;

describe('trap 16: a grant that arrives after the caller gave up', () => {
  const redis = useRedis();

  describe.each(bothStores(redis))('in $name', (store) => {
    it('is released when the answer to a first attempt comes after the signal aborted', async () => {
      await using way = await store.slowLine();
      await using impatient = await ready({ ...way.slow, instance: 'impatient' });
      await using other = await ready(way.direct);
      const name = unique('lock');
      const giveUp = new AbortController();

      way.line.holdReplies();
      const wish = impatient.acquire(name, { ttl, signal: giveUp.signal });
      await until(async () => (await holdersOf(other, name)).includes('impatient'));
      giveUp.abort(new Error('enough'));
      await expect(wish).rejects.toThrow('enough');
      way.line.release();

      expect((await other.acquire(name, patient)).held).toBe(true);
    });

    it('is released when the caller aborts while the message is under way', async () => {
      await using way = await store.slowLine();
      await using impatient = await ready({ ...way.slow, instance: 'impatient' });
      await using other = await ready(way.direct);
      const name = unique('lock');
      const giveUp = new AbortController();

      const first = await other.acquire(name, { ttl });
      const wish = impatient.acquire(name, { ...patient, signal: giveUp.signal });
      await untilWaiting(impatient, name);
      way.line.holdReplies();
      await first.release();
      expect(await holdersOf(other, name)).toEqual(['impatient']);
      giveUp.abort(new Error('enough'));
      await expect(wish).rejects.toThrow('enough');
      way.line.release();

      const second = await other.acquire(name, patient);
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    });

    it('is released when the time to wait ran out while the message was under way', async () => {
      await using way = await store.slowLine();
      await using impatient = await ready({ ...way.slow, instance: 'impatient' });
      await using other = await ready(way.direct);
      const name = unique('lock');

      const first = await other.acquire(name, { ttl });
      const wish = impatient.acquire(name, { ttl, wait: '2s' });
      wish.catch(() => {});
      await untilWaiting(impatient, name);
      way.line.holdReplies();
      await first.release();
      await expect(wish).rejects.toMatchObject({ code: 'LOCK_BUSY' });
      way.line.release();

      expect((await other.acquire(name, patient)).held).toBe(true);
    });

    it('goes to the next caller of the same process instead', async () => {
      await using way = await store.slowLine();
      await using both = await ready({ ...way.slow, instance: 'both' });
      await using other = await ready(way.direct);
      const name = unique('lock');
      const giveUp = new AbortController();

      const first = await other.acquire(name, { ttl });
      const given = both.acquire(name, { ...patient, signal: giveUp.signal });
      const next = both.acquire(name, patient);
      await untilWaiting(both, name);
      way.line.holdReplies();
      await first.release();
      giveUp.abort(new Error('enough'));
      await expect(given).rejects.toThrow('enough');
      way.line.release();

      expect(await (await next).release()).toBe(true);
      expect(await holdersOf(other, name)).toEqual([]);
    });

    it('is released when the service closes before the answer comes', async () => {
      await using way = await store.slowLine();
      const closing = await ready({ ...way.slow, instance: 'closing' });
      await using other = await ready(way.direct);
      const name = unique('lock');

      way.line.holdReplies();
      const wish = closing.acquire(name, { ttl });
      wish.catch(() => {});
      await until(async () => (await holdersOf(other, name)).includes('closing'));
      const closed = closing.close();
      await expect(wish).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
      way.line.release();
      await closed;

      expect((await other.acquire(name, patient)).held).toBe(true);
    });
  });

  describe('when Redis does not answer', () => {
    const [, onRedis] = bothStores(redis);

    it('is released when the request reaches Redis after the caller was told that Redis is unavailable', async () => {
      await using way = await onRedis!.slowLine();
      const proxy = way.line as TcpProxy;
      await using impatient = await ready({ ...way.slow, commandTimeout: 300 });
      await using other = await ready(way.direct);
      const name = unique('lock');

      proxy.holdRequests();
      await expect(impatient.acquire(name, { ttl })).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        uncertain: true,
      });
      proxy.release();
      const { namespace } = way.direct as { namespace: string };
      await until(() => redis.client.exists(`${namespace}:fence`), { describe: 'the late request' });

      expect((await other.acquire(name, patient)).held).toBe(true);
    });

    it.each([
      ['at once', async () => {}],
      [
        'after the release was tried in vain',
        // Asked after the lock was, so that its time is over later.
        async (service: LockService) => {
          await expect(service.inspect('any')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
        },
      ],
    ])('is released when the connection broke with the answer, and comes back %s', async (_when, outage) => {
      await using proxy = await TcpProxy.start(redis.server);
      const shared = { namespace: unique('ns'), ...inTests, commandTimeout: 500 };
      await using impatient = await ready({ ...shared, redis: proxy.url, instance: 'impatient' });
      await using other = await ready({ ...shared, redis: redis.url, commandTimeout: '10s' });
      const name = unique('lock');
      const giveUp = new AbortController();

      proxy.refuseConnections();
      const reset = proxy.resetAfterNextRequest(name);
      const wish = impatient.acquire(name, { ttl, signal: giveUp.signal });
      wish.catch(() => {});
      await reset;
      expect(await holdersOf(other, name)).toEqual(['impatient']);
      giveUp.abort(new Error('enough'));
      await expect(wish).rejects.toThrow('enough');
      await outage(impatient);
      await proxy.acceptConnections();

      expect((await other.acquire(name, patient)).held).toBe(true);
    });
  });
});

async function ready(options: Parameters<typeof createLockService>[0]): Promise<LockService> {
  const service = await createLockService(options);
  await service.run(unique('ready'), async () => {});
  return service;
}

async function holdersOf(service: LockService, name: string): Promise<string[]> {
  return (await service.inspect(name)).holders.map(({ instance }) => instance);
}

/** Asked by the waiter itself: then it has had its own answer too, and only the message is under way. */
async function untilWaiting(waiter: LockService, name: string): Promise<void> {
  await until(async () => (await waiter.inspect(name)).waiting.length === 1);
}
