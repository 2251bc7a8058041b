import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ear, microseconds, ScriptedLock } from '../../../support/lock-script.js';
import { unique, useRedis } from '../../../support/redis.js';

const A = 'a#1';
const USER = 'mute';

describe('promotion in the lock script', () => {
  // Everything but a channel.
  const redis = useRedis({ acl: [`${USER} on >secret ~* +@all resetchannels`] });
  let lock: ScriptedLock;
  let ear: Ear;
  beforeEach(async () => {
    lock = new ScriptedLock(redis.client);
    ear = await Ear.on(redis.client, lock.channelPrefix);
  });
  afterEach(() => ear.close());

  const holders = async (): Promise<string[]> => {
    const exclusive = await redis.client.get(lock.holder);
    return exclusive ? [exclusive.replace(/ \d+$/, '')] : redis.client.zrange(lock.shared, 0, '-1');
  };
  const queued = () => redis.client.zrange(lock.queue, 0, '-1');
  const wait = (owner: string, terms = {}) => lock.do('acquire', owner, { alive: 5_000, push: true, ...terms });
  /** As if nobody had heard of the waiter for longer than it said. */
  const die = async (owner: string): Promise<void> => {
    const [, ...rest] = (await redis.client.hget(lock.waiter, owner))?.split(' ') ?? [];
    await redis.client.hset(lock.waiter, owner, ['1', ...rest].join(' '));
  };

  describe('of the dead', () => {
    it('waiters that are not heard of any more, or of whom nothing is known, are dropped', async () => {
      await lock.do('acquire', A);
      for (const seq of [1, 2, 3, 4]) await wait(ear.owner(seq));
      await die(ear.owner(1));
      await redis.client.hdel(lock.waiter, ear.owner(2));
      await redis.client.hset(lock.waiter, ear.owner(3), 'nonsense');
      await lock.do('release', A);
      expect(await holders()).toEqual([ear.owner(4)]);
      expect(await lock.types()).toEqual({ [lock.holder]: 'string', [lock.fence]: 'string' });
    });

    it('hundreds of them are dropped in one go', async () => {
      await lock.do('acquire', A);
      for (let seq = 1; seq <= 300; seq += 1) await wait(ear.owner(seq));
      for (let seq = 1; seq < 300; seq += 1) await die(ear.owner(seq));
      await lock.do('release', A);
      expect([await holders(), await queued()]).toEqual([[ear.owner(300)], []]);
    });

    it('a waiter whose process hears no message is dropped, and its grant is undone', async () => {
      await lock.do('acquire', A);
      for (const terms of [{}, { permits: 2 }]) await wait(`${unique('gone')}#1`, terms);
      await wait(ear.owner(1));
      await wait(ear.owner(2));
      await lock.do('release', A);
      expect([await holders(), await queued()]).toEqual([[ear.owner(1)], [ear.owner(2)]]);
      expect(await ear.messages()).toHaveLength(1);
    });

    it('when all have gone, the lock is free', async () => {
      await lock.do('acquire', A);
      for (const terms of [{}, { permits: 2 }, {}]) await wait(`${unique('gone')}#1`, terms);
      await lock.do('release', A);
      expect(await lock.types()).toEqual({ [lock.fence]: 'string' });
    });

    it('a shared grant that is undone leaves the other shares', async () => {
      await lock.do('acquire', A);
      await wait(ear.owner(1), { permits: 5 });
      await wait(`${unique('gone')}#1`, { permits: 5 });
      await wait(ear.owner(2), { permits: 5 });
      await lock.do('release', A);
      expect((await holders()).sort()).toEqual([ear.owner(1), ear.owner(2)]);
    });

    it('ended shares that nobody has cleared away keep nobody out', async () => {
      await lock.do('acquire', A, { permits: 5 });
      await lock.do('acquire', 'b#1', { permits: 5 });
      await wait(ear.owner(1));
      await redis.client.zadd(lock.shared, 1, A);
      await lock.do('release', 'b#1');
      expect(await holders()).toEqual([ear.owner(1)]);
    });
  });

  describe('without the certainty that a silent process is gone', () => {
    it('the grant lasts as long as the waiter is known to live, and is marked as provisional', async () => {
      await lock.do('acquire', A);
      await wait(`${unique('silent')}#1`, { push: false, alive: 5_000, ttl: 60_000 });
      await lock.do('release', A);
      const ttl = await redis.client.pttl(lock.holder);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(5_000);
    });

    it('it is never longer than the lease', async () => {
      await lock.do('acquire', A);
      await wait(ear.owner(1), { push: false, alive: 5_000, ttl: 900 });
      await lock.do('release', A);
      expect(await redis.client.pttl(lock.holder)).toBeLessThanOrEqual(900);
    });

    it('a provisional share ends as early', async () => {
      await lock.do('acquire', A);
      await wait(ear.owner(1), { push: false, alive: 5_000, permits: 2 });
      await lock.do('release', A);
      const end = Number(await redis.client.zscore(lock.shared, ear.owner(1)));
      // A share is rounded up to the next ms.
      expect(end).toBeLessThanOrEqual((await microseconds(redis.client)) / 1_000 + 5_001);
      expect(await ear.messages()).toEqual([`1 1 ${await lock.token()} 1 1`]);
    });

    it('it becomes whole, with the same token, when the waiter asks again', async () => {
      await lock.do('acquire', A);
      await wait(ear.owner(1), { push: false, block: 3 });
      await lock.do('release', A);
      const token = (await lock.token()) - 2;
      expect(await ear.messages()).toEqual([`1 1 ${token} 3 1`]);
      expect(await wait(ear.owner(1), { push: false, block: 3 })).toBe(`g ${token} 3`);
      expect(await redis.client.pttl(lock.holder)).toBeGreaterThan(5_000);
    });

    it('a grant to whoever asks is whole at once, and not told', async () => {
      await lock.do('acquire', A, { permits: 1 });
      await wait(ear.owner(1), { push: false });
      await redis.client.zadd(lock.shared, 1, A);
      expect(await wait(ear.owner(1), { push: false })).toBe(`n ${await lock.token()} 1`);
      expect(await redis.client.pttl(lock.holder)).toBeGreaterThan(5_000);
      expect(await ear.messages()).toEqual([]);
    });
  });

  describe('by a user who may not publish', () => {
    const mute = () => lock.as(redis.server.client({ username: USER, password: 'secret' }));

    it.each([0, 2])('grants all the same, and undoes nothing (permits %i)', async (permits) => {
      await lock.do('acquire', A);
      await wait(ear.owner(1), { permits });
      expect(await mute().do('release', A)).toBe(1);
      expect(await holders()).toEqual([ear.owner(1)]);
      expect((await lock.layout())[permits === 0 ? lock.holder : lock.shared]?.ttl).toBeGreaterThan(30_000);
      expect(await ear.messages()).toEqual([]);
    });

    it('ends holds by force, and keeps a lock after its release', async () => {
      await lock.do('acquire', A);
      await wait(ear.owner(1));
      expect(await mute().do('release', A, 60_000)).toBe(1);
      expect(await mute().do('force', await lock.token())).toBe(1);
      expect(await holders()).toEqual([ear.owner(1)]);
    });

    it('a probe finds nobody', async () => {
      expect(await mute().do('probe', ear.instance)).toBe(0);
    });
  });
});
