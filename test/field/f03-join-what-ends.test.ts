import { describe, expect, it } from 'vitest';
import { createLockService, currentLock, type Lock } from '../../lib/index.js';
import { deferred } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

const redis = useRedis();

describe.each(bothStores(redis))(
  'F3: a lock that is being given back takes no nested call in ($name)',
  ({ shared, slowLine }) => {
    it.each(['once', 'run'] as const)('not while the store has not answered (%s)', async (how) => {
      const { line, slow, direct, ...rest } = await slowLine();
      await using _ = rest;
      await using here = await createLockService(slow);
      await using elsewhere = await createLockService(direct);
      // The script is there, whose own text names every operation.
      await here.run(unique('warm'), () => {});
      const name = unique('job');
      const goOn = deferred();
      let nested: Promise<unknown> | undefined;
      const body = async (outer: Lock): Promise<number> => {
        nested = goOn.promise.then(() =>
          here.run(name, { reentrant: true, wait: '20s' }, async (inner) => {
            expect(inner.held).toBe(true);
            expect(await elsewhere.tryAcquire(name)).toBeNull();
            expect(inner.held).toBe(true);
            expect(inner.fencingToken).toBeGreaterThan(outer.fencingToken);
          }),
        );
        line.holdReplies();
        return outer.fencingToken;
      };
      const seen = line.seen(how === 'once' ? 'complete' : 'release');
      const outer = how === 'once' ? here.once(name, { remember: '1h' }, body) : here.run(name, body);
      await seen;
      goOn.resolve();
      await new Promise(setImmediate);
      line.release();
      await outer;
      await nested;
    });

    it('not after its body has released it by hand, though the body goes on', async () => {
      await using locks = await createLockService(shared());
      const name = unique('job');
      const tokens = await locks.run(name, async (outer) => {
        await outer.release();
        return locks.run(name, { reentrant: true, wait: '10s' }, (inner) => {
          expect(currentLock(name)).toBe(inner);
          return [outer.fencingToken, inner.fencingToken];
        });
      });
      expect(tokens[1]).toBeGreaterThan(tokens[0]!);
    });

    it('and keeps it for a nested call that came in time, until that has ended', async () => {
      await using locks = await createLockService(shared());
      const name = unique('job');
      const end = deferred();
      let nested: Promise<boolean> | undefined;
      await locks.once(name, { remember: '1h' }, async () => {
        nested = locks.run(name, { reentrant: true }, async (inner) => {
          await end.promise;
          return inner.held;
        });
      });
      expect(await locks.tryAcquire(name)).toBeNull();
      end.resolve();
      expect(await nested).toBe(true);
      await (await locks.acquire(name)).release();
    });
  },
);
