import { describe, expect, it } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { Ear, microseconds, operations, ScriptedLock } from '../support/lock-script.js';
import { unique, useRedis } from '../support/redis.js';
import { hears } from '../support/redis-observe.js';
import { inTests } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

/** How many have died; far more than may wait. */
const CROWD = 30;

describe('F36: a queue that is full of waiters who have died', () => {
  const redis = useRedis();

  /** As the script tells it to `acquire`. */
  const ask = (lock: ScriptedLock, owner: string, maxWaiting: number, permits = 0) =>
    lock.do('acquire', owner, { alive: 5_000, permits, maxWaiting });

  async function crowd(lock: ScriptedLock, terms: Parameters<typeof operations.acquire>[1], count = CROWD) {
    const owners = Array.from({ length: count }, (_, index) => `${unique('dead')}#${index}`);
    for (const owner of owners) await lock.do('acquire', owner, { alive: 600_000, ...terms });
  }

  /** Until when the last in line is taken to be alive, in ms. */
  async function aliveUntil(lock: ScriptedLock): Promise<number> {
    const [last] = await redis.client.zrange(lock.queue, -1, '-1');
    return Number((await redis.client.hget(lock.waiter, last ?? ''))?.split(' ')[0]);
  }

  const holders: [string, (lock: ScriptedLock) => Promise<unknown>][] = [
    ['a lock that is free by the end of a lease', (lock) => redis.client.del(lock.holder)],
    ['a lock that has been released', (lock) => lock.do('release', 'a#1')],
    ['a lock that has been ended by force', async (lock) => lock.do('force', await lock.token())],
  ];
  it.each(holders.flatMap((each) => [0, 3].map((permits) => [...each, permits] as const)))(
    '%s is granted at once (permits %#)',
    async (_, free, permits) => {
      const lock = new ScriptedLock(redis.client);
      await lock.do('acquire', 'a#1');
      await crowd(lock, { push: true });
      await free(lock);
      expect(await ask(lock, 'b#1', 1, permits)).toBeTypeOf('number');
      expect(await redis.client.exists(lock.queue, lock.waiter)).toBe(0);
    },
  );

  it('whoever lives there comes first, and those behind find room', async () => {
    const lock = new ScriptedLock(redis.client);
    const ear = await Ear.on(redis.client, lock.channelPrefix);
    await lock.do('acquire', 'a#1');
    await crowd(lock, { push: true });
    await lock.do('acquire', ear.owner(1), { alive: 600_000, push: true });
    await crowd(lock, { push: true });
    await redis.client.del(lock.holder);
    expect(await ask(lock, 'b#1', 31)).toMatch(/^b \d+ [1-9]/);
    expect(await redis.client.get(lock.holder)).toMatch(`${ear.owner(1)} `);
    ear.close();
  });

  it.each([
    ['who has not been heard of', { alive: 2_000, push: false }],
    ['whose process hears nothing any more', { alive: 600_000, push: true }],
  ])('of a lock that is held: nobody counts %s', async (_, terms) => {
    const lock = new ScriptedLock(redis.client);
    const ear = await Ear.on(redis.client, lock.channelPrefix);
    await lock.do('acquire', 'a#1');
    await crowd(lock, terms, 150);
    for (const seq of [1, 2, 3]) await lock.do('acquire', ear.owner(seq), { alive: 600_000, push: true });
    await crowd(lock, terms, 150);
    // The last of them has not been heard of for long enough.
    if (!terms.push) await until(async () => (await microseconds(redis.client)) / 1_000 > (await aliveUntil(lock)));
    expect(await ask(lock, 'b#1', 3)).toMatch(/^b \d+ 0 /);
    expect(await ask(lock, 'b#1', 4)).toMatch(/^b \d+ [1-9]/);
    expect(await redis.client.zrange(lock.queue, 0, '-1')).toEqual([...[1, 2, 3].map((seq) => ear.owner(seq)), 'b#1']);
    // They were not told anything that they would answer.
    expect(await ear.messages()).toEqual([]);
    ear.close();
  });

  it('a process that has died with its holder and waiters is nobody', async () => {
    const namespace = unique('ns');
    const options = { namespace, ...inTests };
    await using proxy = await TcpProxy.start(redis.server);
    const dead = await Promise.all(
      Array.from({ length: 6 }, () => createLockService({ ...options, redis: proxy.url, commandTimeout: 200 })),
    );
    await using locks = await createLockService({ ...options, redis: redis.url });
    await dead[0]?.acquire('job', { ttl: 1_000, renew: false });
    for (const each of dead.slice(1)) each.acquire('job', { wait: '1m' }).catch(() => {});
    await until(async () => (await locks.inspect('job')).waiting.length === 5);
    await until(() => hears(redis.client, `${namespace}:{job}`));
    proxy.refuseConnections();
    proxy.resetAll();
    expect((await locks.acquire('job', { maxWaiting: 1 })).held).toBe(true);
    await Promise.all(dead.map((each) => each.close()));
  });
});
