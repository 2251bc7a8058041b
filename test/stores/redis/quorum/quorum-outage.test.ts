import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLockService, type Duration, type Lock, type LockService } from '../../../../lib/index.js';
import { openQuorum } from '../../../../lib/stores/redis/quorum/open-quorum.js';
import { until } from '../../../support/event.js';
import { RedisQuorum } from '../../../support/redis-quorum.js';
import type { RedisServer } from '../../../support/redis-server.js';
import { inTests, quiet } from '../../../support/stores.js';

const TTL_MS = 1_900;
/** After so many seconds a server has a vote: longer than the ttl and the drift. */
const UP = 2;
const UNAVAILABLE = { code: 'LOCK_UNAVAILABLE' };

describe('a quorum of three servers, when servers', () => {
  let quorum: RedisQuorum;
  let servers: readonly [RedisServer, RedisServer, RedisServer];
  const open: LockService[] = [];
  beforeEach(async () => {
    quorum = await RedisQuorum.start(3);
    servers = quorum.servers as unknown as typeof servers;
    await quorum.up(UP);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((service) => service.close()));
    await quorum.stop();
  });

  async function service(): Promise<LockService> {
    const defaults = { ttl: TTL_MS, wait: '1m' } as const;
    const made = await createLockService({ quorum: quorum.urls, defaults, ...inTests });
    open.push(made);
    return made;
  }

  const holder = (server: RedisServer) => server.client().get('lock:{n}');
  const isWaiting = (server: RedisServer) =>
    until(async () => server.client().hlen('lock:{n}:waiter'), { describe: 'a waiter' });

  it('die: one makes no difference, two make it unavailable, and the lock is lost when its lease ends', async () => {
    const [one, two] = [await service(), await service()];
    const lock = await one.acquire('n');
    const waiting = two.acquire('n');
    await isWaiting(servers[0]);
    await servers[0].kill();
    await lock.extend();
    expect(await lock.release()).toBe(true);
    const next = await waiting;
    expect(next.fencingToken).toBeGreaterThan(lock.fencingToken);
    const { signal } = next;
    await servers[1].kill();
    await expect(one.acquire('other')).rejects.toMatchObject({
      ...UNAVAILABLE,
      problem: expect.stringContaining('2 of the 3 servers of the quorum did not vote'),
    });
    await until(() => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
  });

  it('have just been started: a claim waits until they have a vote, and no longer than commandTimeout', async () => {
    await using fresh = await RedisQuorum.start(3);
    const open = (ttl: Duration, commandTimeout: Duration) =>
      createLockService({ quorum: fresh.urls, defaults: { ttl }, commandTimeout, ...inTests });
    await using hasty = await open('1h', '1s');
    await expect(hasty.acquire('n')).rejects.toMatchObject({
      ...UNAVAILABLE,
      problem: expect.stringMatching(/has no vote for \d+ ms yet/),
    });
    await using patient = await open(TTL_MS, '1m');
    expect(await (await patient.acquire('n')).release()).toBe(true);
  });

  it('stand still: one makes no difference, and has nothing of it left when it goes on', async () => {
    const [one, two] = [await service(), await service()];
    await (await one.acquire('n')).release();
    await servers[2].pause();
    const lock = await one.acquire('n');
    expect(await two.tryAcquire('n')).toBeNull();
    const waiting = two.acquire('n');
    await isWaiting(servers[0]);
    expect(await lock.release()).toBe(true);
    expect(await (await waiting).release()).toBe(true);
    servers[2].resume();
    await until(async () => (await holder(servers[2])) === null, { describe: 'no vote left' });
  });

  it('start anew without their data: they let no second holder in', async () => {
    const two = await service();
    // A holder that renews nothing, so that it loses nothing before its time.
    const store = await openQuorum(quorum.urls, {
      namespace: 'lock',
      commandTimeout: 5_000,
      longestTtl: TTL_MS,
      logger: quiet,
    });
    const claim = { name: 'n', owner: 'i#1', permits: 0, ttl: 600_000, alive: 0, ticket: 0, attempt: 1, block: 1 };
    const noSecond = async (): Promise<Lock | null> => {
      try {
        return await two.tryAcquire('n');
      } catch (error) {
        expect(error).toMatchObject(UNAVAILABLE);
        return null;
      }
    };
    // Again where the machine was so slow that the server had its vote back by then.
    for (let took = Number.POSITIVE_INFINITY; took > TTL_MS; ) {
      await until(async () => (await store.acquire(claim)).granted && holder(servers[2]), { describe: 'three votes' });
      // One of the three has never heard of it, and one forgets it: most of them would grant it again.
      await servers[2].client().del('lock:{n}');
      const before = performance.now();
      await servers[1].restart();
      const seconds = [await noSecond(), await noSecond()];
      took = performance.now() - before;
      if (took <= TTL_MS) expect(seconds).toEqual([null, null]);
      for (const second of seconds) await second?.release();
    }
    // The two that have been up for long decide.
    await two.acquire('other', { wait: 0 });
    await store.close();
  });

  it('start anew one after the other: a lock that is held survives it, and so do the tokens', async () => {
    const [one, two] = [await service(), await service()];
    const lock = await one.acquire('n');
    for (const server of servers) {
      await server.restart();
      await until(() => holder(server), { describe: 'the vote, again', within: 20_000 });
      expect(lock.held).toBe(true);
    }
    expect(await two.tryAcquire('n')).toBeNull();
    expect(await lock.release()).toBe(true);
    expect((await two.acquire('n')).fencingToken).toBeGreaterThan(lock.fencingToken);
  });

  it('start anew in turn under load: nobody holds beside another, and tokens grow', { timeout: 60_000 }, async () => {
    const all = await Promise.all(Array.from({ length: 4 }, service));
    const tokens: number[] = [];
    const held = new Set<Lock>();
    let restarting = true;
    let overlaps = 0;
    const work = all.map(async (each) => {
      while (restarting) {
        await each
          .run('n', async (lock) => {
            overlaps += [...held].filter((other) => other.held).length;
            held.add(lock);
            tokens.push(lock.fencingToken);
            await each.inspect('other').catch(() => {});
            held.delete(lock);
          })
          .catch(({ code }) => expect(['LOCK_UNAVAILABLE', 'LOCK_LOST']).toContain(code));
      }
    });
    for (const server of [...servers, ...servers]) {
      const before = tokens.length;
      await server.restart();
      // It has a vote again, and the work goes on.
      await quorum.up(UP + 1);
      await until(() => tokens.length > before, { describe: 'a grant' });
    }
    restarting = false;
    await Promise.all(work);
    expect(overlaps).toBe(0);
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    expect(new Set(tokens).size).toBe(tokens.length);
  });
});
