import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callScript, Ear, microseconds, operations, ScriptedLock } from '../../../support/lock-script.js';
import { unique, useRedis } from '../../../support/redis.js';

const DAY_MS = 86_400_000;
const A = 'a#1';
const B = 'b#1';
const C = 'c#1';

describe('the lock script', () => {
  const redis = useRedis();
  let lock: ScriptedLock;
  let ear: Ear;
  beforeEach(async () => {
    lock = new ScriptedLock(redis.client);
    ear = await Ear.on(redis.client, lock.channelPrefix);
  });
  afterEach(() => ear.close());

  const within = (ttl: number | undefined, most: number): boolean => ttl !== undefined && ttl > most / 2 && ttl <= most;
  const twoReadersOneWriter = async (): Promise<void> => {
    await lock.do('acquire', A, { permits: 5 });
    await lock.do('acquire', B, { permits: 5 });
    await lock.do('acquire', C, { alive: 5_000 });
  };

  describe('keys', () => {
    it('an exclusive hold is a string with owner and token, beside the fence', async () => {
      const token = await lock.do('acquire', A, { ttl: 60_000 });
      expect(await lock.types()).toEqual({ [lock.holder]: 'string', [lock.fence]: 'string' });
      expect(await redis.client.get(lock.holder)).toBe(`${A} ${token}`);
      expect(await redis.client.get(lock.fence)).toBe(String(token));
      const layout = await lock.layout();
      expect(within(layout[lock.holder]?.ttl, 60_000)).toBe(true);
      expect(layout[lock.fence]?.ttl).toBeGreaterThan(DAY_MS + 60_000);
    });

    it('the fence is the last token of a block', async () => {
      const token = (await lock.do('acquire', A, { block: 16 })) as number;
      expect(await redis.client.get(lock.fence)).toBe(String(token + 15));
    });

    it('shared holds are a sorted set of the ends of their leases, and lie no shorter than the longest', async () => {
      const before = (await microseconds(redis.client)) / 1_000;
      await lock.do('acquire', A, { permits: 5, ttl: 60_000 });
      await lock.do('acquire', B, { permits: 5, ttl: 10_000 });
      const after = (await microseconds(redis.client)) / 1_000;
      expect(await lock.types()).toEqual({
        [lock.shared]: 'zset',
        [lock.bounds]: 'zset',
        [lock.epoch]: 'string',
        [lock.fence]: 'string',
      });
      expect(await redis.client.zrange(lock.shared, 0, '-1')).toEqual([B, A]);
      expect(await redis.client.zrange(lock.bounds, 0, '-1', 'WITHSCORES')).toEqual([A, '5', B, '5']);
      const end = Number(await redis.client.zscore(lock.shared, A));
      expect(end).toBeGreaterThanOrEqual(Math.floor(before) + 60_000);
      expect(end).toBeLessThanOrEqual(after + 60_002);
      expect((await lock.layout())[lock.shared]?.ttl).toBeGreaterThan(30_000);
    });

    it('a waiter has its ticket in one key, and what it asks for in another', async () => {
      await lock.do('acquire', A);
      const before = await microseconds(redis.client);
      const terms = { permits: 3, ttl: 7_000, alive: 5_000, attempt: 4, block: 2, push: true };
      const reply = await lock.do('acquire', B, terms);
      const ticket = Number(await redis.client.zscore(lock.queue, B));
      expect(reply).toMatch(new RegExp(`^b \\d+ ${ticket} 0 a#1$`));
      expect(ticket).toBeGreaterThanOrEqual(before);
      const [alive, ...rest] = (await redis.client.hget(lock.waiter, B))?.split(' ') ?? [];
      expect(rest).toEqual(['4', '3', '7000', '1', '1', '1']);
      expect(Number(alive)).toBeGreaterThanOrEqual(Math.floor(before / 1_000) + 5_000);
      const layout = await lock.layout();
      expect([layout[lock.queue]?.type, layout[lock.waiter]?.type]).toEqual(['zset', 'hash']);
      for (const key of [lock.queue, lock.waiter]) expect(within(layout[key]?.ttl, 20_000)).toBe(true);
    });

    it('the queue lives as long as its most patient waiter', async () => {
      await lock.do('acquire', A);
      await lock.do('acquire', B, { alive: 60_000 });
      await lock.do('acquire', C, { alive: 1_000 });
      const layout = await lock.layout();
      for (const key of [lock.queue, lock.waiter]) expect(layout[key]?.ttl).toBeGreaterThan(60_000);
    });

    it('what is kept after a release is marked by a tilde', async () => {
      const token = await lock.do('acquire', A);
      expect(await lock.do('release', A, 60_000)).toBe(1);
      expect(await redis.client.get(lock.holder)).toBe(`~${A} ${token}`);
      const shared = new ScriptedLock(redis.client);
      await shared.do('acquire', A, { permits: 5, ttl: 1_000 });
      expect(await shared.do('release', A, 60_000)).toBe(1);
      expect(await redis.client.zrange(shared.shared, 0, '-1')).toEqual([`~${A}`]);
      for (const [key, { ttl }] of Object.entries({ ...(await lock.layout()), ...(await shared.layout()) })) {
        expect(ttl, key).toBeGreaterThan(30_000);
      }
    });

    it('nothing but the fence is left of a lock that nobody has or wants', async () => {
      await twoReadersOneWriter();
      for (const owner of [A, B]) await lock.do('release', owner);
      await lock.do('withdraw', C);
      expect(await lock.types()).toEqual({ [lock.fence]: 'string' });
    });

    it('every key has a ttl after every operation', async () => {
      const steps = [
        ['acquire', A, { block: 16 }],
        ['acquire', A],
        ['acquire', B, { alive: 5_000 }],
        ['acquire', C, { permits: 2, alive: 5_000 }],
        ['renew', A],
        ['release', A, 10_000],
        ['withdraw', 'x#1'],
        ['inspect'],
        ['force', '1'],
        ['acquire', 'd#1', { permits: 2, alive: 5_000 }],
        ['withdraw', B],
        ['acquire', 'e#1', { permits: 3, alive: 5_000 }],
        ['renew', C],
        ['release', C, 10_000],
        ['acquire', 'f#1', { alive: 5_000 }],
        ['release', 'd#1'],
        ['release', 'e#1'],
      ] as const;
      for (const [name, ...args] of steps) {
        await lock.do(name, ...(args as [never]));
        const layout = Object.entries(await lock.layout());
        expect(layout.filter(([, { ttl }]) => ttl <= 0)).toEqual([]);
        if (name === 'force') await lock.do('force', await lock.token());
      }
    });
  });

  describe('replies and messages', () => {
    it('a grant answers with the token, a repeated one with token and block', async () => {
      const token = await lock.do('acquire', A, { block: 4 });
      expect(token).toBeTypeOf('number');
      expect(await lock.do('acquire', A, { block: 9 })).toBe(`g ${token} 4`);
    });

    it('renew, release, withdraw and force answer with 1 or 0', async () => {
      await lock.do('acquire', A);
      expect(await lock.do('renew', B)).toBe(0);
      expect(await lock.do('release', B)).toBe(0);
      expect(await lock.do('withdraw', B)).toBe(1);
      expect(await lock.do('renew', A)).toBe(1);
      expect(await lock.do('force', '')).toBe(0);
      expect(await lock.do('force', await lock.token())).toBe(1);
      expect(await lock.do('release', A)).toBe(0);
      expect(await lock.do('force', await lock.token())).toBe(0);
    });

    it('a grant is told as "<seq> <attempt> <token> <block> <provisional>"', async () => {
      await lock.do('acquire', A);
      await lock.do('acquire', ear.owner(7), { alive: 5_000, attempt: 3, block: 2, push: true });
      await lock.do('acquire', ear.owner(8), { alive: 5_000, attempt: 1, permits: 2, block: 2 });
      await lock.do('release', A);
      const [, first] = (await redis.client.get(lock.holder))?.split(' ') ?? [];
      expect(await ear.messages()).toEqual([`7 3 ${first} 2 0`]);
      await lock.do('release', ear.owner(7));
      expect(await ear.messages()).toEqual([`7 3 ${first} 2 0`, `8 1 ${await lock.token()} 1 1`]);
    });

    it('the end by force is told as "<seq> x <token>", to the living holders', async () => {
      await lock.do('acquire', ear.owner(1), { permits: 2 });
      await lock.do('acquire', ear.owner(2), { permits: 2 });
      await lock.do('release', ear.owner(2), 60_000);
      const epoch = await lock.token();
      await lock.do('force', epoch);
      const token = await lock.do('acquire', ear.owner(3), { block: 5 });
      await lock.do('force', token as number);
      expect(await ear.messages()).toEqual([`1 x ${epoch}`, `3 x ${token}`]);
    });

    it.each([0, 5])(
      'a release that keeps the lock (permits %i) tells the head of the queue "<seq> ?"',
      async (permits) => {
        await lock.do('acquire', A, { permits });
        await lock.do('acquire', ear.owner(4), { alive: 5_000 });
        await lock.do('acquire', ear.owner(5), { alive: 5_000 });
        await lock.do('release', A, 60_000);
        expect(await ear.messages()).toEqual(['4 ?']);
      },
    );

    it('a probe says how many hear the instance', async () => {
      expect(await lock.do('probe', ear.instance, 'n-7')).toBe(1);
      expect(await lock.do('probe', unique('nobody'))).toBe(0);
      expect(await ear.messages()).toEqual(['0 p n-7']);
    });

    it('an inspection lists the fence, the holders and the waiters', async () => {
      await twoReadersOneWriter();
      const reply = (await lock.do('inspect')) as (string | number)[];
      expect(reply.slice(0, 4)).toEqual([await lock.token(), '', 0, 2]);
      expect([reply[4], reply[6], reply[8], reply[9]]).toEqual([A, B, C, 0]);
      expect(reply.slice(11)).toEqual([1]);
    });

    it('several operations on one lock in one call see each other, in their order', async () => {
      const calls = [operations.acquire(A), operations.acquire(B), operations.release(A), operations.acquire(B)];
      const replies = await callScript(
        redis.client,
        lock.channelPrefix,
        calls.map((call) => [lock, call]),
      );
      const [token, busy, released, next] = replies as [number, string, number, number];
      expect([busy.startsWith('b '), released]).toEqual([true, 1]);
      expect(next).toBeGreaterThan(token);
    });
  });
});
