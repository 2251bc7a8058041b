import { describe, expect, it } from 'vitest';
import { callScript, microseconds, operations, ScriptedLock } from '../../../support/lock-script.js';
import { useRedis } from '../../../support/redis.js';

const A = 'a#1';
const B = 'b#1';
const DAY_MS = 86_400_000;

describe('the tokens of the lock script', () => {
  const redis = useRedis();
  const newLock = () => new ScriptedLock(redis.client);

  it('follow the time of the server in µs', async () => {
    const lock = newLock();
    const before = await microseconds(redis.client);
    const token = await lock.do('acquire', A);
    expect(token).toBeGreaterThanOrEqual(before);
    expect(token).toBeLessThanOrEqual(await microseconds(redis.client));
  });

  it.each([0, 3])('grow after the loss of the fence and of everything (permits %i)', async (permits) => {
    const lock = newLock();
    let last = (await lock.do('acquire', A, { permits, block: 1 })) as number;
    for (const lose of [() => redis.client.del(lock.fence), () => redis.client.flushall()]) {
      await lock.do('release', A);
      await lose();
      const token = (await lock.do('acquire', A, { permits })) as number;
      expect(token).toBeGreaterThan(last);
      last = token;
    }
  });

  it('grow within one microsecond', async () => {
    const lock = newLock();
    const cycle = (block: number) => [operations.acquire(A, { block }), operations.release(A)];
    // One call reads the time once, so that all of these are of the same microsecond.
    const calls = [1, 16, 1, 3].flatMap(cycle).map((operation) => [lock, operation] as const);
    const replies = (await callScript(redis.client, lock.channelPrefix, calls)) as number[];
    const first = Number(replies[0]);
    const next = (place: number): string => `n ${first + place} 1`;
    expect(replies).toEqual([first, 1, next(1), 1, first + 2, 1, next(3), 1]);
    expect(await lock.token()).toBe(first + 3);
  });

  it('are ahead of the time by no more than one block, however fast the grants come', async () => {
    const lock = newLock();
    const cycle = [operations.acquire(A, { block: 1_000 }), operations.release(A)];
    for (let round = 0; round < 20; round += 1) {
      const calls = Array.from({ length: 16 }, () => cycle).flat();
      await callScript(
        redis.client,
        lock.channelPrefix,
        calls.map((operation) => [lock, operation]),
      );
      expect((await lock.token()) - (await microseconds(redis.client))).toBeLessThan(1_000 + 16);
    }
  });

  it('grow when the clock of the server is behind them', async () => {
    const lock = newLock();
    const future = (await microseconds(redis.client)) + 3_600_000_000;
    await redis.client.set(lock.fence, String(future));
    expect(await lock.do('acquire', A, { block: 16 })).toBe(`n ${future + 1} 1`);
    expect(await lock.token()).toBe(future + 1);
    expect((await lock.layout())[lock.fence]?.ttl).toBeGreaterThan(DAY_MS / 2);
    await lock.do('release', A);
    expect(await lock.do('acquire', A, { permits: 2 })).toBe(future + 2);
    expect(await lock.do('acquire', B, { permits: 2 })).toBe(future + 2);
    await lock.do('release', A);
    await lock.do('release', B);
    expect(await lock.do('acquire', B, { permits: 2 })).toBe(future + 3);
  });

  it('shared holders keep their token while they overlap, also through a third', async () => {
    const lock = newLock();
    const token = await lock.do('acquire', A, { permits: 3 });
    expect(await lock.do('acquire', B, { permits: 3 })).toBe(token);
    await lock.do('release', A);
    expect(await lock.do('acquire', 'c#1', { permits: 3 })).toBe(token);
    expect(await lock.do('acquire', B, { permits: 3 })).toBe(`g ${token} 1`);
  });

  it('a share that has ended does not lend its token, though nobody has cleared it away', async () => {
    const lock = newLock();
    const token = await lock.do('acquire', A, { permits: 3 });
    await redis.client.zadd(lock.shared, 1, A);
    expect(await lock.do('acquire', B, { permits: 3 })).toBeGreaterThan(token as number);
    expect(await redis.client.zrange(lock.shared, 0, '-1')).toEqual([B]);
  });

  it('the fence outlives the last shared holder by its whole time', async () => {
    const lock = newLock();
    await lock.do('acquire', A, { permits: 3 });
    await redis.client.pexpire(lock.fence, 60_000);
    await lock.do('renew', A);
    expect((await lock.layout())[lock.fence]?.ttl).toBeGreaterThan(DAY_MS / 2);
  });
});
