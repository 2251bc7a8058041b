import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLockService, type Lock, MemoryLockStore } from '../../lib/index.js';
import { type Deferred, deferred } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { StoreProxy } from '../support/store-proxy.js';
import { bothStores, inTests } from '../support/stores.js';

// Renewed after a second, lost after three: two seconds for a busy machine.
const ttl = 3_000;

describe('trap 17: renewal and release at the same time', () => {
  const redis = useRedis();

  describe.each(bothStores(redis))('in $name', (store) => {
    it('a release while the answer to a renewal is under way is no loss', async () => {
      await using way = await store.slowLine();
      await using holder = await createLockService(way.slow);
      await using other = await createLockService(way.direct);
      const name = unique('lock');
      const lock = await holder.acquire(name, { ttl });
      const { signal } = lock;

      way.line.holdReplies();
      await way.line.seen('renew');
      const releasing = way.line.seen('release');
      const released = lock.release();
      await releasing;
      way.line.release();

      expect(await released).toBe(true);
      expect(signal.aborted).toBe(false);
      expect((await other.inspect(name)).holders).toEqual([]);
    });

    it('a body that ends while the answer to a renewal is under way returns its value', async () => {
      await using way = await store.slowLine();
      await using holder = await createLockService(way.slow);
      const name = unique('lock');

      const outcome = holder.run(name, { ttl }, async () => {
        way.line.holdReplies();
        await way.line.seen('renew');
        return 'done';
      });
      await way.line.seen('release');
      way.line.release();

      expect(await outcome).toBe('done');
    });

    it('an answer to a renewal that comes after the release revives nothing', async () => {
      await using way = await store.slowLine();
      await using holder = await createLockService(way.slow);
      await using other = await createLockService(way.direct);
      const name = unique('lock');
      const lock = await holder.acquire(name, { ttl });

      way.line.holdReplies();
      await way.line.seen('renew');
      const releasing = way.line.seen('release');
      const released = lock.release();
      await releasing;
      const next = await other.acquire(name, { ttl: '1h' });
      way.line.release();
      await released;
      let renewals = 0;
      void way.line.seen('renew').then(() => {
        renewals += 1;
      });
      await setTimeout(ttl);

      expect(renewals).toBe(0);
      expect(lock.held).toBe(false);
      expect(next.held).toBe(true);
      expect((await other.inspect(name)).holders).toMatchObject([{ token: next.fencingToken }]);
    });

    it('an extension that is under way at the release revives nothing and says so', async () => {
      await using way = await store.slowLine();
      await using holder = await createLockService(way.slow);
      await using other = await createLockService(way.direct);
      const name = unique('lock');
      const lock = await holder.acquire(name, { ttl: '1h' });

      way.line.holdReplies();
      const asked = way.line.seen('renew');
      const extended = lock.extend('2h');
      extended.catch(() => {});
      await asked;
      const releasing = way.line.seen('release');
      const released = lock.release();
      await releasing;
      way.line.release();

      expect(await released).toBe(true);
      await expect(extended).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'released' });
      expect((await other.inspect(name)).holders).toEqual([]);
    });

    it('a release after a loss that nobody has told us of yet says that it was lost', async () => {
      await using way = await store.slowLine();
      await using holder = await createLockService(way.slow);
      await using other = await createLockService(way.direct);
      const name = unique('lock');
      const lock = await holder.acquire(name, { ttl: '1h' });

      way.line.holdReplies();
      await other.forceRelease(name);
      const next = await other.acquire(name, { ttl: '1h' });
      expect(lock.held).toBe(true);
      const released = lock.release();
      way.line.release();

      expect(await released).toBe(false);
      expect((await other.inspect(name)).holders).toMatchObject([{ token: next.fencingToken }]);
    });
  });

  describe.each(bothStores(redis))('in the port on $name', (store) => {
    it('a renewal that comes after the release is refused and revives nothing', async () => {
      await using port = await store.port();
      const owned = { name: unique('lock'), owner: `${unique('instance')}#1` };
      await port.acquire({ ...owned, permits: 0, ttl: 60_000, alive: 0, ticket: 0, attempt: 1, block: 1 });
      expect(await port.release({ ...owned, retain: 0 })).toBe(true);
      expect(await port.renew({ ...owned, ttl: 60_000 })).toBe(false);
      expect((await port.inspect(owned.name)).holders).toEqual([]);
    });
  });

  describe('whatever the renewal brings', () => {
    const answers = {
      yes: (renewal: Deferred<boolean>) => renewal.resolve(true),
      no: (renewal: Deferred<boolean>) => renewal.resolve(false),
      'an error': (renewal: Deferred<boolean>) => renewal.reject(new Error('the store is away')),
    };

    it.each(Object.entries(answers))('"%s" after the release changes nothing', async (_answer, give) => {
      const { lock, renewal } = await lockUnderRenewal();
      const { signal } = lock;
      expect(await lock.release()).toBe(true);
      give(renewal);
      await setImmediate();
      expect(signal.aborted).toBe(false);
      expect(await lock.release()).toBe(true);
    });

    it('"no" before the release is a loss', async () => {
      const { lock, renewal } = await lockUnderRenewal();
      const { signal } = lock;
      answers.no(renewal);
      await setImmediate();
      expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'taken' });
      expect(await lock.release()).toBe(false);
    });
  });

  describe('when the release overtakes the renewal', () => {
    it.each(['nobody', 'the next owner'])('the renewal finds %s and is no loss', async (whoever) => {
      const store = new MemoryLockStore();
      const line = new StoreProxy(store);
      await using holder = await createLockService({ store: line.store, ...inTests });
      await using other = await createLockService({ store, ...inTests });
      const name = unique('lock');
      const lock = await holder.acquire(name, { ttl: '1h' });
      const { signal } = lock;

      line.holdRequests('renew');
      const renewing = line.seen('renew');
      line.reconnect();
      await renewing;
      expect(await lock.release()).toBe(true);
      const next = whoever === 'nobody' ? undefined : await other.acquire(name, { ttl: '1h' });
      line.release();
      await holder.inspect(name);

      expect(signal.aborted).toBe(false);
      expect(next?.held ?? true).toBe(true);
      expect((await other.inspect(name)).holders).toHaveLength(next ? 1 : 0);
    });
  });
});

/** Its renewal is under way, and brings what the test says. */
async function lockUnderRenewal(): Promise<{ lock: Lock; renewal: Deferred<boolean> }> {
  const [asked, renewal] = [deferred(), deferred<boolean>()];
  const line = new StoreProxy(new MemoryLockStore());
  const renew = (): Promise<boolean> => {
    asked.resolve();
    return renewal.promise;
  };
  const service = await createLockService({ store: { ...line.store, renew }, ...inTests });
  onTestFinished(() => service.close());
  const lock = await service.acquire(unique('lock'), { ttl: '1h' });
  line.reconnect();
  await asked.promise;
  return { lock, renewal };
}
