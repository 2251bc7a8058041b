import { describe, expect, it } from 'vitest';
import { createLockService, type LockModuleOptions, type LockService } from '../../lib/index.js';
import { Child } from '../support/child.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, inTests } from '../support/stores.js';

const forEver = { ttl: '1h', wait: Number.POSITIVE_INFINITY } as const;
// The store keeps a silent waiter for thirty seconds.
const SILENCE = { within: 60_000 };

describe('trap 19: dead, slow and paused waiters at the head of the queue', () => {
  const redis = useRedis();

  it('dead ones are skipped at once, however many', async () => {
    const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
    const name = unique('lock');
    await using holder = await createLockService(options);
    await using live = await createLockService({ ...options, instance: 'live' });
    await using dying = await Child.start({
      redis: redis.url,
      namespace: options.namespace,
      localHandOver: { max: 0 },
    });

    const lock = await holder.acquire(name, { ttl: '1h' });
    for (let waiter = 1; waiter <= 40; waiter += 1) {
      void dying.call('acquire', { name, id: `dying-${waiter}`, options: forEver });
    }
    await until(async () => (await sureWaiters(options.namespace, name)) === 40, {
      describe: 'the messages to be sure',
    });
    const wish = live.acquire(name, forEver);
    await untilWaiting(holder, name, 41);
    await dying.kill('SIGKILL');
    await until(async () => (await listeners(options.namespace)).length === 2, { describe: 'its connection to go' });
    await lock.release();

    // Looked at without a service, whose questions would help on.
    expect(await redis.client.get(`${options.namespace}:{${name}}`)).toContain('.live#');
    expect((await wish).held).toBe(true);
  });

  // The store keeps a silent waiter for a while, and one that was silent asks again up to ten seconds later.
  describe.concurrent('after a silence', { timeout: 90_000 }, () => {
    it('a paused one is skipped, and has its old place when it comes back', async () => {
      const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
      const name = unique('lock');
      await using holder = await createLockService(options);
      await using live = await createLockService({ ...options, instance: 'live' });
      await using later = await createLockService({ ...options, instance: 'later' });
      await using paused = await Child.start({ redis: redis.url, namespace: options.namespace, instance: 'paused' });

      const lock = await holder.acquire(name, { ttl: '1h' });
      void paused.call('acquire', { name, options: forEver });
      await untilWaiting(holder, name, 1);
      const wish = live.acquire(name, forEver);
      await untilWaiting(holder, name, 2);
      const laterWish = later.acquire(name, forEver);
      await untilWaiting(holder, name, 3);
      await paused.kill('SIGSTOP');
      await until(async () => (await waitersOf(holder, name)).join() === 'live,later', SILENCE);
      await lock.release();
      const first = await wish;
      await paused.kill('SIGCONT');
      await until(async () => (await waitersOf(holder, name)).join() === 'paused,later', SILENCE);
      await first.release();

      const second = await paused.waitFor('granted');
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
      await paused.call('release', { id: name });
      expect((await laterWish).fencingToken).toBeGreaterThan(second.fencingToken);
    });

    it.each(bothStores(redis))(
      'a slow one is skipped, and has its old place when it is heard again ($name)',
      async (store) => {
        await using way = await store.slowLine();
        const name = unique('lock');
        await using holder = await createLockService(way.direct);
        await using live = await createLockService({ ...way.direct, instance: 'live' });
        await using later = await createLockService({ ...way.direct, instance: 'later' });
        await using slow = await createLockService({ ...way.slow, instance: 'slow', commandTimeout: '1m' });

        const lock = await holder.acquire(name, { ttl: '1h' });
        const slowWish = slow.acquire(name, forEver);
        await untilWaiting(holder, name, 1);
        const wish = live.acquire(name, forEver);
        await untilWaiting(holder, name, 2);
        const laterWish = later.acquire(name, forEver);
        await untilWaiting(holder, name, 3);
        way.line.holdRequests();
        way.line.holdReplies();
        await until(async () => (await waitersOf(holder, name)).join() === 'live,later', SILENCE);
        await lock.release();
        const first = await wish;
        way.line.release();
        // It asks again within ten seconds.
        await until(async () => (await waitersOf(holder, name)).join() === 'slow,later', SILENCE);
        await first.release();

        const second = await slowWish;
        expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
        await second.release();
        expect((await laterWish).fencingToken).toBeGreaterThan(second.fencingToken);
      },
    );

    it('one that is paused when its turn comes blocks the others for its own ttl, and learns that it was too late', async () => {
      const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
      const name = unique('lock');
      await using holder = await createLockService(options);
      await using live = await createLockService({ ...options, instance: 'live' });
      await using paused = await Child.start({ redis: redis.url, namespace: options.namespace, instance: 'paused' });

      const lock = await holder.acquire(name, { ttl: '1h' });
      void paused.call('acquire', { name, options: { ...forEver, ttl: 1_000 } });
      await untilWaiting(holder, name, 1);
      const wish = live.acquire(name, forEver);
      await untilWaiting(holder, name, 2);
      await paused.kill('SIGSTOP');
      await lock.release();
      const first = await wish;
      await paused.kill('SIGCONT');
      await until(async () => (await waitersOf(holder, name)).join() === 'paused');
      expect(first.held).toBe(true);
      await first.release();

      const second = await paused.waitFor('granted');
      expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    });
  });

  describe.each(bothStores(redis))('in $name', (store) => {
    it('500 waiters of five processes are served, each once, in the order in which they came', async () => {
      const shared: LockModuleOptions = { ...store.shared(), localHandOver: { max: 0 } };
      const name = unique('lock');
      await using holder = await createLockService(shared);
      const services = await Promise.all([1, 2, 3, 4, 5].map(() => createLockService(shared)));

      const lock = await holder.acquire(name, { ttl: '1h' });
      const served: number[] = [];
      const all: Promise<unknown>[] = [];
      while (all.length < 500) {
        const service = services[(all.length / 10) % services.length]!;
        for (let waiter = 0; waiter < 10; waiter += 1) {
          const place = all.length;
          all.push(service.run(name, forEver, async () => served.push(place)));
        }
        await untilWaiting(holder, name, all.length);
      }
      await lock.release();
      await Promise.all(all);

      expect(served).toEqual(all.map((_, place) => place));
      expect((await holder.inspect(name)).waiting).toEqual([]);
      await Promise.all(services.map((service) => service.close()));
    });
  });

  it('a queue that Redis lost is there again, in its old order', async () => {
    const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
    const name = unique('lock');
    const labels = ['first', 'second', 'third', 'fourth', 'fifth'];
    await using holder = await createLockService(options);
    const services = await Promise.all(labels.map((instance) => createLockService({ ...options, instance })));

    // They ask again when the lease ends.
    const lock = await holder.acquire(name, { ttl: '3s' });
    const served: string[] = [];
    const all: Promise<unknown>[] = [];
    for (const [index, service] of services.entries()) {
      all.push(service.run(name, forEver, async () => served.push(labels[index]!)));
      await untilWaiting(holder, name, all.length);
    }
    const key = `${options.namespace}:{${name}}`;
    expect(await redis.client.del(`${key}:queue`, `${key}:waiter`)).toBe(2);
    await untilWaiting(holder, name, labels.length);
    expect(await waitersOf(holder, name)).toEqual(labels);
    await lock.release();
    await Promise.all(all);

    expect(served).toEqual(labels);
    await Promise.all(services.map((service) => service.close()));
  });

  /** How many waiters have told Redis that a message which reaches nobody means that they are gone. */
  async function sureWaiters(namespace: string, name: string): Promise<number> {
    const waiters = await redis.client.hvals(`${namespace}:{${name}}:waiter`);
    return waiters.filter((waiter) => waiter.endsWith(' 1')).length;
  }

  /** The channels of the namespace that somebody hears. */
  async function listeners(namespace: string): Promise<unknown[]> {
    return (await redis.client.pubsub('CHANNELS', `${namespace}:wake:*`)) as unknown[];
  }
});

/** The labels of those who are alive, in the order of the queue. */
async function waitersOf(service: LockService, name: string): Promise<string[]> {
  return (await service.inspect(name)).waiting.map(({ instance }) => instance);
}

async function untilWaiting(service: LockService, name: string, count: number): Promise<void> {
  await until(async () => (await waitersOf(service, name)).length === count, {
    describe: `${count} waiters`,
    ...SILENCE,
  });
}
