import { describe, expect, it } from 'vitest';
import { LOCK_SCRIPT } from '../../../../lib/stores/redis/lock-script.js';
import { operations, ScriptedLock } from '../../../support/lock-script.js';
import { useRedis } from '../../../support/redis.js';

const TTL_MS = 20;

describe('a lease of the lock script', () => {
  const redis = useRedis();

  /** An attempt, and the server's time in µs before and after it. */
  const attempt = async (lock: ScriptedLock, owner: string, permits: number) => {
    const args = operations.acquire(owner, { permits, ttl: TTL_MS });
    const replies = await redis.client
      .multi()
      .time()
      .eval(LOCK_SCRIPT, 2, lock.holder, lock.fence, 'any', '', lock.channelPrefix, '', '', '', args.join(' '))
      .time()
      .exec();
    const [before, answer, after] = (replies ?? []).map(([, reply]) => reply) as [
      [string, string],
      string,
      [string, string],
    ];
    const us = ([seconds, rest]: [string, string]): number => Number(seconds) * 1_000_000 + Number(rest);
    return { granted: /^\d+$/.test(answer), before: us(before), after: us(after) };
  };

  // The holder counts from before it asked, in fractions of a ms; whoever comes next must not be granted it earlier.
  it.each([
    ['an exclusive', 0],
    ['a shared', 5],
  ])('lasts its whole ttl, to the microsecond (%s hold)', async (_, permits) => {
    for (let round = 0; round < 20; round += 1) {
      const lock = new ScriptedLock(redis.client);
      const { before } = await attempt(lock, 'a#1', permits);
      let next = await attempt(lock, 'b#1', 0);
      while (!next.granted) next = await attempt(lock, 'b#1', 0);
      expect(next.after - before).toBeGreaterThanOrEqual(TTL_MS * 1_000);
    }
  });
});
