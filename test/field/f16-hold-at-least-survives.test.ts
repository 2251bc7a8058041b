import { describe, expect, it } from 'vitest';
import { createLockService, type LockOptions } from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

const redis = useRedis();

describe.each(bothStores(redis))('F16: holdAtLeast survives ($name)', ({ shared }) => {
  const tick: LockOptions = { holdAtLeast: '50s', ttl: '1s', wait: 0 };

  it.each(['run', 'acquire'] as const)(
    'a shutdown that its work outlasts (%s), also when the ttl is over',
    async (how) => {
      const store = shared();
      const first = await createLockService({ ...store, shutdownGrace: 50 });
      await using second = await createLockService(store);
      const name = unique('cron');
      const end = deferred();
      const begun = deferred();
      const work =
        how === 'acquire'
          ? first.acquire(name, tick).then(() => begun.resolve())
          : first
              .run(name, tick, () => {
                begun.resolve();
                return end.promise;
              })
              .catch(() => {});
      await begun.promise;
      await first.close();
      const { holders } = await second.inspect(name);
      expect(holders).toMatchObject([{ retained: true }]);
      expect(holders[0]!.remaining).toBeGreaterThan(30_000);
      expect(await second.tryRun(name, tick, () => {})).toEqual({ acquired: false });
      end.resolve();
      await work;
      expect((await second.inspect(name)).holders).toMatchObject([{ retained: true }]);
    },
  );

  it.each([
    ['shorter than', { maxHold: 300 }],
    ['as long as', { maxHold: 600, ttl: 600 }],
    ['a bit longer than', { maxHold: 650, ttl: 600 }],
  ])('the end of a maxHold that is %s the ttl, under a body that hangs', async (_, bounds) => {
    const store = shared();
    await using locks = await createLockService({ ...store, shutdownGrace: 0 });
    await using second = await createLockService(store);
    const name = unique('cron');
    const lock = await locks.acquire(name, { ...tick, ...bounds });
    await until(() => lock.signal.aborted);
    const kept = await until(async () => (await second.inspect(name)).holders.find(({ retained }) => retained));
    expect(kept.remaining).toBeGreaterThan(30_000);
  });

  it('and costs nothing where nobody asked for it: a shutdown frees the lock at once', async () => {
    const store = shared();
    const first = await createLockService({ ...store, shutdownGrace: 0 });
    await using second = await createLockService(store);
    const name = unique('job');
    await first.acquire(name);
    await first.close();
    await (await second.acquire(name, { wait: 0 })).release();
  });
});
