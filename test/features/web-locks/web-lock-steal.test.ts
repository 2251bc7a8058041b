// The cases of `steal` of the web platform tests, in our own words, and how a lock is lost that nobody stole.
import { describe, expect, it } from 'vitest';
import { currentLock, LockLostError, type LockModuleOptions } from '../../../lib/index.js';
import type { LockManager } from '../../../lib/web-locks.js';
import { deferred } from '../../support/event.js';
import { useRedis } from '../../support/redis.js';
import { bothStores, redisUnderTest } from '../../support/stores.js';
import { expectException, openClients, openLocks, Take } from '../../support/web-clients.js';

const redis = useRedis();

it('A request that steals gives up where something stands that is no token', async () => {
  const options = redisUnderTest(redis).shared() as { namespace: string };
  const locks = await openLocks(options as LockModuleOptions);
  const key = `${options.namespace}:{web:a}`;
  await redis.client.zadd(`${key}:shared`, Date.now() + 60_000, 'somebody#1');
  await redis.client.set(`${key}:epoch`, 'no token');
  await expect(locks.request('a', { steal: true }, () => expect.unreachable())).rejects.toMatchObject({
    code: 'LOCK_BUSY',
  });
  await redis.client.del(`${key}:shared`, `${key}:epoch`);
});

describe.each(bothStores(redis))('on $name', (store) => {
  const open = (): Promise<LockManager> => openLocks(store.shared());
  const steal = true;

  describe('A request that steals', () => {
    it('gets a free lock', async () => {
      const locks = await open();
      expect(await locks.request('a', { steal }, (lock) => [lock?.name, lock?.mode])).toEqual(['a', 'exclusive']);
      expect(await locks.query()).toEqual({ held: [], pending: [] });
    });

    it('gets a lock that is held, whose promise rejects while its callback runs on', async () => {
      const locks = await open();
      const victim = new Take(locks, 'a');
      const thief = new Take(locks, 'a', { steal });
      await thief.granted;
      const error = await expectException(victim.result, 'AbortError');
      expect(error.cause).toBeInstanceOf(LockLostError);
      expect(error.cause).toMatchObject({ code: 'LOCK_LOST', lockName: 'web:a' });
      expect((await locks.query()).held).toHaveLength(1);
      // Its end neither releases the lock of the thief nor changes what it rejected with.
      await expect(victim.end('too late')).rejects.toBe(error);
      expect(await locks.request('a', { ifAvailable: true }, (lock) => lock)).toBeNull();
      expect(await thief.end('stolen')).toBe('stolen');
    });

    it('leaves alone a victim that fails later', async () => {
      const locks = await open();
      const victim = new Take(locks, 'a');
      await locks.request('a', { steal }, () => {});
      victim.fail(new Error('too late'));
      await expectException(victim.result, 'AbortError');
    });

    it('tells the victim by the signal of its current lock', async () => {
      const locks = await open();
      const granted = deferred();
      const told = deferred<unknown>();
      const victim = locks.request('a', async () => {
        const { signal } = currentLock()!;
        signal.addEventListener('abort', () => told.resolve(signal.reason));
        granted.resolve();
        await told.promise;
      });
      victim.catch(() => {});
      await granted.promise;
      await locks.request('a', { steal }, () => {});
      expect((await expectException(victim, 'AbortError')).cause).toBe(await told.promise);
      expect(await told.promise).toMatchObject({ code: 'LOCK_LOST', lockName: 'web:a' });
    });

    it('goes before those who wait, who get the lock after it', async () => {
      const locks = await open();
      const victim = new Take(locks, 'a');
      const waiting = [new Take(locks, 'a'), new Take(locks, 'a', { mode: 'shared' })];
      await locks.request('a', { steal }, async () => {
        expect((await locks.query()).pending.map(({ mode }) => mode)).toEqual(['exclusive', 'shared']);
        expect(waiting.map(({ called }) => called)).toEqual([false, false]);
      });
      await expectException(victim.result, 'AbortError');
      await waiting[0]?.granted;
      expect(waiting[1]?.called).toBe(false);
      await waiting[0]?.end();
      await waiting[1]?.granted;
    });

    it('gets a lock that several share', async () => {
      const locks = await open();
      const victims = [1, 2, 3].map(() => new Take(locks, 'a', { mode: 'shared' }));
      await locks.request('a', { steal }, () => {});
      for (const { result } of victims) await expectException(result, 'AbortError');
    });

    it('gets it from those who stole before: the last caller wins', async () => {
      const locks = await open();
      const victim = new Take(locks, 'a');
      const first = new Take(locks, 'a', { steal });
      expect(await locks.request('a', { steal }, () => 'last')).toBe('last');
      await expectException(victim.result, 'AbortError');
      await expectException(first.result, 'AbortError');
    });

    it('gets it from a holder in another process', async () => {
      const [here, there] = await openClients(store.shared(), 2);
      const victim = new Take(there!.locks, 'a');
      const bystander = new Take(there!.locks, 'b');
      await Promise.all([victim.granted, bystander.granted]);
      await here?.locks.request('a', { steal }, () => {});
      expect((await expectException(victim.result, 'AbortError')).cause).toMatchObject({ code: 'LOCK_LOST' });
      expect(await bystander.end('untouched')).toBe('untouched');
    });

    it('gets a higher fencing token than its victim', async () => {
      const locks = await open();
      let victims: number | undefined;
      const granted = deferred();
      const victim = locks.request('a', () => {
        victims = currentLock()?.fencingToken;
        granted.resolve();
        return new Promise(() => {});
      });
      victim.catch(() => {});
      await granted.promise;
      const thiefs = await locks.request('a', { steal }, () => currentLock()?.fencingToken);
      expect(thiefs).toBeGreaterThan(victims as number);
    });
  });

  describe('A web lock that is lost', () => {
    it('by force rejects as one that was stolen', async () => {
      const [client] = await openClients(store.shared(), 1);
      const take = new Take(client!.locks, 'a');
      await take.granted;
      expect(await client!.service.forceRelease('web:a')).toBe(true);
      const error = await expectException(take.result, 'AbortError');
      expect(error.cause).toMatchObject({ code: 'LOCK_LOST', why: 'forced' });
      expect(error.message).toContain('web:a');
    });
  });
});
