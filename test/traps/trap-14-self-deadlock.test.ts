import { Injectable } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  createLockService,
  currentLock,
  type Lock,
  Locked,
  LockModule,
  type LockOptions,
  type LockService,
} from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { FaultyStore } from '../support/faulty-store.js';
import { TestApp } from '../support/nest.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores, quiet } from '../support/stores.js';

/** Whoever really waits, waits longer than the test. */
const FOR_EVER = { wait: Number.POSITIVE_INFINITY } as const;
const RE_ENTRANT = { defaults: { reentrant: true } } as const;
const SHARED = { ...FOR_EVER, mode: 'shared' } as const;

@Injectable()
class Orders {
  @Locked('order:<id>', FOR_EVER)
  async pay(id: string): Promise<number[]> {
    return [currentLock()!.fencingToken, ...(await this.book(id))];
  }

  @Locked('order:<id>', FOR_EVER)
  async book(id: string): Promise<number[]> {
    return [currentLock()!.fencingToken, ...((await this.notify(id)) ?? [])];
  }

  @Locked('order:<id>', { onBusy: 'skip' })
  async notify(id: string): Promise<number[] | undefined> {
    return id === '' ? undefined : [currentLock()!.fencingToken];
  }
}

describe('trap 14: a call chain waits for a lock that it holds itself', () => {
  const redis = useRedis();

  describe.each(bothStores(redis))('in $name', (store) => {
    async function scene() {
      const shared = { ...store.shared(), ...RE_ENTRANT };
      const [service, other] = [await createLockService(shared), await createLockService(shared)];
      const isFree = (name: string, options?: LockOptions) =>
        other.tryRun(name, options, () => {}).then(({ acquired }) => acquired);
      const [a, b, c] = [unique('a'), unique('b'), unique('c')];
      const close = async () => {
        await service.close();
        await other.close();
      };
      return { service, other, isFree, a, b, c, [Symbol.asyncDispose]: close };
    }

    it('a nested run gets the same lock with the same token, and the outer one keeps it afterwards', async () => {
      await using at = await scene();
      await at.service.run(at.a, FOR_EVER, async (outer) => {
        const tokens = await at.service.run(at.a, FOR_EVER, (inner) =>
          at.service.run(at.a, FOR_EVER, async (innermost) => [inner.fencingToken, innermost.fencingToken]),
        );
        expect(tokens).toEqual([outer.fencingToken, outer.fencingToken]);
        expect(outer.held).toBe(true);
        expect(await at.isFree(at.a)).toBe(false);
      });
      expect(await at.isFree(at.a)).toBe(true);
    });

    it('also through timers, parallel branches, tryRun, and after an inner error', async () => {
      await using at = await scene();
      await at.service.run(at.a, async ({ fencingToken }) => {
        await new Promise(setImmediate);
        const parallel = [1, 2, 3].map(() => at.service.run(at.a, FOR_EVER, async (lock) => lock.fencingToken));
        expect(await Promise.all(parallel)).toEqual([fencingToken, fencingToken, fencingToken]);
        const failing = at.service.run(at.a, FOR_EVER, () => Promise.reject(new Error('inner')));
        await expect(failing).rejects.toThrow('inner');
        expect(await at.service.tryRun(at.a, (lock) => lock.held)).toEqual({ acquired: true, value: true });
        expect(await at.isFree(at.a)).toBe(false);
      });
      expect(await at.isFree(at.a)).toBe(true);
    });

    it('decorated methods that call each other have one lock', async () => {
      await using app = await TestApp.start({
        imports: [LockModule.forRoot({ ...store.shared(), ...RE_ENTRANT })],
        providers: [Orders],
      });
      const tokens = await app.get(Orders).pay('7');
      expect(tokens).toHaveLength(3);
      expect(new Set(tokens).size).toBe(1);
    });

    it('an exclusive holder may ask for shared, a shared one for shared: the same lock', async () => {
      await using at = await scene();
      await at.service.run(at.a, ({ fencingToken }) =>
        at.service.run(at.a, SHARED, (inner) => expect(inner.fencingToken).toBe(fencingToken)),
      );
      const permit = { ...SHARED, permits: 1 } as const;
      await at.service.run(at.b, permit, ({ fencingToken }) =>
        at.service.run(at.b, permit, (inner) => expect(inner.fencingToken).toBe(fencingToken)),
      );
      expect([await at.isFree(at.a), await at.isFree(at.b)]).toEqual([true, true]);
    });

    it.each<[string, LockOptions]>([
      ['run', FOR_EVER],
      ['run that does not wait', { wait: 0 }],
      ['run that is not re-entrant', { ...FOR_EVER, reentrant: false }],
    ])('a shared holder that asks for exclusive gets an error at once (%s)', async (_, options) => {
      await using at = await scene();
      await at.service.run(at.a, SHARED, async (outer) => {
        const upgrade = { code: 'LOCK_UPGRADE', lockName: at.a };
        await expect(at.service.run(at.a, options, () => {})).rejects.toMatchObject(upgrade);
        await expect(at.service.tryRun(at.a, options, () => {})).rejects.toMatchObject(upgrade);
        await expect(at.service.acquire(at.a, options)).rejects.toMatchObject(upgrade);
        await expect(at.service.tryAcquire(at.a)).rejects.toMatchObject(upgrade);
        expect(outer.held).toBe(true);
      });
      expect(await at.isFree(at.a)).toBe(true);
    });

    it('the upgrade of one of several names is refused at once, though another of them is busy', async () => {
      await using at = await scene();
      const theirs = await at.other.acquire(at.a);
      await at.service.run(at.b, SHARED, async () => {
        const wish = at.service.run([at.a, at.b, at.c], FOR_EVER, () => {});
        const anyway = new Promise((resolve) => setTimeout(resolve, 2_000, 'it waits'));
        await expect(Promise.race([wish, anyway])).rejects.toMatchObject({ code: 'LOCK_UPGRADE', lockName: at.b });
        await theirs.release();
        await wish.catch(() => {});
      });
      expect(await Promise.all([at.a, at.b, at.c].map((name) => at.isFree(name)))).toEqual([true, true, true]);
    });

    it('of several names only those that are not held yet are acquired, and only those released', async () => {
      await using at = await scene();
      await at.service.run([at.a, at.c], FOR_EVER, async (outer) => {
        const inner = await at.service.run([at.c, at.b, at.a], FOR_EVER, async (lock) => {
          expect(await at.isFree(at.b)).toBe(false);
          return lock.fencingTokens;
        });
        expect(inner.get(at.a)).toBe(outer.fencingTokens.get(at.a));
        expect(inner.get(at.c)).toBe(outer.fencingTokens.get(at.c));
        expect(await Promise.all([at.a, at.b, at.c].map((name) => at.isFree(name)))).toEqual([false, true, false]);
      });
      expect(await at.isFree(at.a)).toBe(true);
    });

    it('when one of several names is busy, those that were held before stay held', async () => {
      await using at = await scene();
      await at.other.acquire(at.b);
      await at.service.run(at.a, async (outer) => {
        await expect(at.service.run([at.a, at.b], { wait: 0 }, () => {})).rejects.toMatchObject({ code: 'LOCK_BUSY' });
        expect(outer.held).toBe(true);
        expect(await at.isFree(at.a)).toBe(false);
      });
      expect(await at.isFree(at.a)).toBe(true);
    });

    it('a detached task that outlives the lock asks anew', async () => {
      await using at = await scene();
      const outerIsOver = deferred();
      let detached: Promise<Lock> | undefined;
      const token = await at.service.run(at.a, async ({ fencingToken }) => {
        detached = outerIsOver.promise.then(() => at.service.run(at.a, FOR_EVER, async (lock) => lock));
        return fencingToken;
      });
      const theirs = await at.other.acquire(at.a, FOR_EVER);
      outerIsOver.resolve();
      await theirs.release();
      expect((await detached)?.fencingToken).toBeGreaterThan(theirs.fencingToken);
      expect(theirs.fencingToken).toBeGreaterThan(token);
    });

    it('a detached task that got the lock before the end of the outer one keeps it until its own', async () => {
      await using at = await scene();
      const [entered, end] = [deferred(), deferred()];
      let detached: Promise<void> | undefined;
      await at.service.run(at.a, async () => {
        detached = at.service.run(at.a, FOR_EVER, () => {
          entered.resolve();
          return end.promise;
        });
        await entered.promise;
      });
      expect(await at.isFree(at.a)).toBe(false);
      end.resolve();
      await detached;
      expect(await at.isFree(at.a)).toBe(true);
    });

    it.each<[string, (lock: Lock, operator: LockService) => Promise<unknown>]>([
      ['released early', (lock) => lock.release()],
      [
        'lost',
        async ({ name, signal }, operator) => {
          await operator.forceRelease(name);
          await until(() => signal.aborted);
        },
      ],
    ])('a lock that was %s is not reused', async (_, end) => {
      await using at = await scene();
      const run = at.service.run(at.a, { onLost: 'ignore' }, async (outer) => {
        await end(outer, at.other);
        const anew = await at.service.run(at.a, { wait: 0 }, (inner) => inner.fencingToken);
        expect(anew).toBeGreaterThan(outer.fencingToken);
        const theirs = await at.other.acquire(at.a);
        await expect(at.service.run(at.a, { wait: 0 }, () => {})).rejects.toMatchObject({ code: 'LOCK_BUSY' });
        await theirs.release();
      });
      await run;
    });

    it('nothing is shared with another service, another call chain, or with `reentrant: false`', async () => {
      await using at = await scene();
      const busy = { code: 'LOCK_BUSY' };
      const inside = deferred();
      const stranger = inside.promise.then(() => at.service.tryAcquire(at.a));
      await at.service.run(at.a, async () => {
        await expect(at.other.run(at.a, { wait: 0 }, () => {})).rejects.toMatchObject(busy);
        const anew = at.service.run(at.a, { wait: 0, reentrant: false }, () => {});
        await expect(anew).rejects.toMatchObject(busy);
        inside.resolve();
        expect(await stranger).toBeNull();
      });
    });
  });

  it('a nested run does not ask the store at all', async () => {
    const faulty = new FaultyStore();
    await using service = await createLockService({ store: faulty.store, logger: quiet, ...RE_ENTRANT });
    await service.run(['a', 'b'], async () => {
      await service.run('b', () => service.run(['b', 'a'], () => {}));
      expect([faulty.count('acquire'), faulty.count('renew'), faulty.count('release')]).toEqual([2, 0, 0]);
    });
    expect([faulty.count('acquire'), faulty.count('release')]).toEqual([2, 2]);
  });
});
