import { describe, expect, it } from 'vitest';
import { callScript, ScriptedLock } from '../../../support/lock-script.js';
import { useRedis } from '../../../support/redis.js';

const DONE = ['complete', '60000', 'a#1', '0'];

describe('a mark of the lock script', () => {
  const redis = useRedis();

  // WAIT of a connection that has written nothing answers at once, as of Redis 7.2 whatever it has read.
  it('is written again by a repeat, so that another connection can wait for its replicas', async () => {
    const lock = new ScriptedLock(redis.client);
    const mark = `${lock.holder}:done`;
    await lock.do('acquire', 'a#1');
    expect(await callScript(redis.client, lock.channelPrefix, [[lock, DONE]])).toEqual([1]);
    const value = await redis.client.get(mark);
    await redis.client.pexpire(mark, 1_000);
    expect(await callScript(redis.client, lock.channelPrefix, [[lock, DONE]])).toEqual([1]);
    expect(await redis.client.get(mark)).toBe(value);
    expect(await redis.client.pttl(mark)).toBeGreaterThan(30_000);
  });
});
