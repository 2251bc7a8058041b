import { describe, expect, it } from 'vitest';
import { callScript, microseconds, operations, ScriptedLock, sendScript } from '../../../support/lock-script.js';
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

  it('grow within one microsecond, also over names', async () => {
    const lock = newLock();
    const other = new ScriptedLock(redis.client, lock.channelPrefix);
    const cycle = (of: ScriptedLock, block: number) =>
      [operations.acquire(A, { block }), operations.release(A)].map((operation) => [of, operation] as const);
    // One call reads the time once, so that all of these are of the same microsecond.
    const calls = [...cycle(lock, 1), ...cycle(lock, 16), ...cycle(other, 1), ...cycle(lock, 3)];
    const replies = (await callScript(redis.client, lock.channelPrefix, calls)) as number[];
    const first = Number(replies[0]);
    expect(replies).toEqual([first, 1, first + 1, 1, first + 17, 1, first + 18, 1]);
    expect(await lock.token()).toBe(first + 20);
  });

  it('are one for the names that are granted in one call of the fast path, and higher in the next', async () => {
    const lock = newLock();
    const locks = [lock, new ScriptedLock(redis.client, lock.channelPrefix)];
    const terms = { channelPrefix: lock.channelPrefix, instance: 'i', terms: '60000 4 0 0' };
    const [first, same] = (await sendScript(redis.client, 'acquire', locks, ['#1', '#2'], terms)) as number[];
    expect(same).toBe(first);
    expect(await redis.client.mget(locks.map(({ holder }) => holder))).toEqual([`i#1 ${first} 4`, `i#2 ${first} 4`]);
    expect(await lock.token()).toBe(first! + 3);
    await sendScript(redis.client, 'release', locks, ['#1', '#2'], { ...terms, number: '1000', traces: 'traces' });
    const [next] = (await sendScript(redis.client, 'acquire', locks, ['#3', '#4'], terms)) as number[];
    expect(next).toBeGreaterThan(first! + 3);
  });

  it('are higher on the slow path than on the fast path of the same call', async () => {
    const lock = newLock();
    const locks = [0, 1, 2].map(() => new ScriptedLock(redis.client, lock.channelPrefix));
    // Nobody hears this waiter, who has the second lock then, and is dropped.
    await locks[1]!.do('acquire', B, { ttl: 60_000 });
    await locks[1]!.do('acquire', 'gone#1', { alive: 60_000, push: true });
    await redis.client.del(locks[1]!.holder);
    const terms = { channelPrefix: lock.channelPrefix, instance: 'i', terms: '60000 1 0 0' };
    const replies = await sendScript(redis.client, 'acquire', locks, ['#1', '#2', '#3'], terms);
    expect(replies).toEqual([expect.any(Number), expect.any(Number), replies[0]]);
    expect(replies[1]).toBeGreaterThan(replies[0] as number);
    expect(await lock.token()).toBe(replies[1]);
  });

  it('are ahead of the time by no more than a ms, however fast the grants come', async () => {
    const lock = newLock();
    const cycle = [operations.acquire(A, { block: 300 }), operations.release(A)];
    for (let round = 0; round < 20; round += 1) {
      const calls = Array.from({ length: 16 }, () => cycle).flat();
      await callScript(
        redis.client,
        lock.channelPrefix,
        calls.map((operation) => [lock, operation]),
      );
      expect((await lock.token()) - (await microseconds(redis.client))).toBeLessThanOrEqual(1_000 + 16);
    }
  });

  it('grow when the clock of the server is behind them', async () => {
    const lock = newLock();
    const future = (await microseconds(redis.client)) + 3_600_000_000;
    await redis.client.set(lock.fence, String(future), 'PX', DAY_MS);
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

  it('the fence lives as long as the client asks for, and never shorter than before', async () => {
    const lock = newLock();
    const other = newLock();
    const terms = { channelPrefix: lock.channelPrefix, instance: 'i' };
    const left = async () => redis.client.pttl(lock.fence);
    await sendScript(redis.client, 'acquire', [lock], ['#1'], { ...terms, terms: '60000 1 0 0', life: '3000000000' });
    expect(await left()).toBeGreaterThan(2_999_000_000);
    await sendScript(redis.client, 'renew', [lock], ['#1'], { ...terms, terms: '60000', life: '92000000' });
    expect(await left()).toBeGreaterThan(2_999_000_000);
    await redis.client.pexpire(lock.fence, 60_000);
    await sendScript(redis.client, 'renew', [lock], ['#1'], { ...terms, terms: '60000', life: '92000000' });
    expect(await left()).toBeGreaterThan(DAY_MS);
    expect(await redis.client.exists(other.fence)).toBe(0);
  });
});
