import { describe, expect, it } from 'vitest';
import { callScript, operations, ScriptedLock } from '../../../support/lock-script.js';
import { useRedis } from '../../../support/redis.js';

const A = 'a#1';
const B = 'b#1';
const FOREIGN = 'a value of 7';

describe('the lock script beside a locker of another language (SET NX PX on the key of the lock)', () => {
  const redis = useRedis();
  const newLock = () => new ScriptedLock(redis.client);
  const foreignLock = (lock: ScriptedLock, ttl = 60_000) => redis.client.set(lock.holder, FOREIGN, 'PX', ttl, 'NX');

  it.each([0, 5])('is excluded by it (permits %i)', async (permits) => {
    const lock = newLock();
    expect(await foreignLock(lock)).toBe('OK');
    expect(await lock.do('acquire', A, { permits })).toMatch(/^b \d+ 0 0 a value of 7$/);
    await redis.client.del(lock.holder);
    expect(await lock.do('acquire', A, { permits })).toBeTypeOf('number');
  });

  it('excludes it, until the release and as long as the lock is kept after it', async () => {
    const lock = newLock();
    await lock.do('acquire', A);
    expect(await foreignLock(lock)).toBeNull();
    await lock.do('release', A, 60_000);
    expect(await foreignLock(lock)).toBeNull();
    await lock.do('force', await lock.token());
    expect(await foreignLock(lock)).toBe('OK');
  });

  it('does not renew, release or withdraw what is not its own', async () => {
    const lock = newLock();
    await foreignLock(lock);
    expect([await lock.do('renew', A), await lock.do('release', A), await lock.do('release', A, 5)]).toEqual([0, 0, 0]);
    await lock.do('withdraw', A);
    expect(await redis.client.get(lock.holder)).toBe(FOREIGN);
    expect((await lock.layout())[lock.holder]?.ttl).toBeGreaterThan(30_000);
  });

  it('stands in the queue behind it, and is served by whoever asks after its end', async () => {
    const lock = newLock();
    await foreignLock(lock);
    await lock.do('acquire', A, { alive: 5_000 });
    await redis.client.del(lock.holder);
    expect(await lock.do('acquire', 'b#1')).toMatch(/^b /);
    expect(await redis.client.get(lock.holder)).toBe(`${A} ${await lock.token()}`);
  });

  it('takes a lock without an end for one that lasts', async () => {
    const lock = newLock();
    await redis.client.set(lock.holder, 'for ever');
    const [, retryAfter, , , ...holder] = String(await lock.do('acquire', A, { alive: 5_000 })).split(' ');
    expect([retryAfter, holder.join(' ')]).toEqual(['', 'for ever']);
    expect(await lock.do('inspect')).toEqual(['', 'for ever', -1, 0, A, 0, expect.any(Number), 1]);
  });

  it('a holder of several lines hurts neither the replies of its neighbours nor an inspection', async () => {
    const lock = newLock();
    const free = newLock();
    await redis.client.set(lock.holder, 'one\ntwo\tthree', 'PX', 60_000);
    const [busy, token, state] = await callScript(redis.client, lock.channelPrefix, [
      [lock, operations.acquire(A)],
      [free, operations.acquire(B)],
      [lock, operations.inspect()],
    ]);
    expect(String(busy).split(' ').slice(4).join(' ')).toBe('one two three');
    expect(token).toBe(await lock.token());
    expect(state).toEqual(['', 'one two three', expect.any(Number), 0]);
  });

  it('shows it to operators, who may end it', async () => {
    const lock = newLock();
    await foreignLock(lock);
    expect(await lock.do('inspect')).toEqual(['', FOREIGN, expect.any(Number), 0]);
    expect(await lock.do('force', '')).toBe(1);
    expect(await lock.layout()).toEqual({});
  });

  it('does not exclude it by a shared hold, whose holder is told at its next renewal', async () => {
    const lock = newLock();
    await lock.do('acquire', A, { permits: 5 });
    expect(await foreignLock(lock)).toBe('OK');
    expect(await lock.do('renew', A)).toBe(0);
  });

  it('takes back a share whose lock it has lost to it', async () => {
    const lock = newLock();
    await lock.do('acquire', A, { permits: 5 });
    await foreignLock(lock);
    await lock.do('release', A);
    await redis.client.del(lock.holder);
    expect(await lock.do('acquire', 'b#1')).toBeTypeOf('number');
  });
});
