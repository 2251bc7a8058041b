import { describe, expect, it } from 'vitest';
import { callScript, operations, ScriptedLock } from '../../../support/lock-script.js';
import { useRedis } from '../../../support/redis.js';

const A = 'a#1';
const B = 'b#1';

describe('an operation of the lock script on a key of a wrong type', () => {
  const redis = useRedis();
  const suffixes = ['', ':shared', ':queue', ':waiter', ':epoch'];

  const spoil = async (lock: ScriptedLock, suffix: string): Promise<void> => {
    const key = lock.holder + suffix;
    await redis.client.multi().del(key).rpush(key, 'a list').pexpire(key, 60_000).exec();
  };
  const needy: Record<string, string[]> = {
    '': operations.acquire(A),
    ':shared': operations.acquire(A),
    ':queue': operations.acquire(A),
    ':waiter': operations.acquire(B, { alive: 5_000 }),
    ':epoch': operations.acquire(B, { permits: 2 }),
  };

  it.each(suffixes)('fails, and its neighbours in the same call succeed (key%s)', async (suffix) => {
    const [before, spoilt, after] = [1, 2, 3].map(() => new ScriptedLock(redis.client)) as [
      ScriptedLock,
      ScriptedLock,
      ScriptedLock,
    ];
    if (suffix === ':waiter') await spoilt.do('acquire', A);
    if (suffix === ':epoch') await spoilt.do('acquire', A, { permits: 2 });
    await spoil(spoilt, suffix);
    const replies = await callScript(redis.client, before.channelPrefix, [
      [before, operations.acquire(A)],
      [spoilt, needy[suffix]!],
      [after, operations.acquire(A, { permits: 2 })],
      [before, operations.renew(A)],
      [spoilt, operations.probe('nobody')],
      [after, operations.release(A)],
    ]);
    expect(replies).toEqual([expect.any(Number), expect.stringMatching(/^e WRONGTYPE /), expect.any(Number), 1, 0, 1]);
    expect(await redis.client.get(before.holder)).toBe(`${A} ${replies[0]}`);
  });

  it('refuses every grant where the key of the last token is of a wrong type, and nothing else', async () => {
    const lock = new ScriptedLock(redis.client);
    const other = new ScriptedLock(redis.client, lock.channelPrefix);
    await lock.do('acquire', A);
    await redis.client.del(lock.fence);
    await redis.client.rpush(lock.fence, 'a list');
    const replies = await callScript(redis.client, lock.channelPrefix, [
      [other, operations.acquire(A)],
      [lock, operations.renew(A)],
      [lock, operations.release(A)],
    ]);
    expect(replies).toEqual([expect.stringMatching(/^e WRONGTYPE /), 1, 1]);
  });

  it.each(suffixes)('leaves no key without a ttl, whatever the operation (key%s)', async (suffix) => {
    for (const permits of [0, 2]) {
      const each = [
        operations.acquire(B, { permits, alive: 5_000 }),
        operations.acquire(B, { permits }),
        operations.renew(A),
        operations.release(A, 60_000),
        operations.release(A),
        operations.withdraw(A),
        operations.force(''),
        operations.inspect(),
      ];
      for (const operation of each) {
        const lock = new ScriptedLock(redis.client);
        await lock.do('acquire', A, { permits });
        await lock.do('acquire', 'w#1', { alive: 5_000 });
        await spoil(lock, suffix);
        await callScript(redis.client, lock.channelPrefix, [[lock, operation]]);
        const layout = Object.entries(await lock.layout());
        expect(
          layout.filter(([, { ttl }]) => ttl <= 0),
          operation.join(' '),
        ).toEqual([]);
      }
    }
  });

  it('a first waiter on a lock whose waiters are spoilt is refused and leaves no queue behind', async () => {
    const lock = new ScriptedLock(redis.client);
    await lock.do('acquire', A);
    await spoil(lock, ':waiter');
    expect(await lock.do('acquire', B, { alive: 5_000 })).toMatch(/^e WRONGTYPE/);
    expect(await lock.types()).toEqual({ [lock.holder]: 'string', [lock.waiter]: 'list', [lock.fence]: 'string' });
  });
});
