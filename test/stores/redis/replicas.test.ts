import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLockService, type LockModuleOptions, type LockService, type RedisSource } from '../../../lib/index.js';
import { replyError } from '../../../lib/stores/redis/reply-error.js';
import { until } from '../../support/event.js';
import { unique } from '../../support/redis.js';
import { RedisServer } from '../../support/redis-server.js';
import { quiet } from '../../support/stores.js';
import { TcpProxy } from '../../support/tcp-proxy.js';

const UNAVAILABLE = { code: 'LOCK_UNAVAILABLE' };
const TOO_FEW = { ...UNAVAILABLE, problem: '1 of the 2 replicas that `replicas` asks for have the lock' };

describe('replicas', () => {
  let primary: RedisServer;
  let replicas: RedisServer[];
  let redis: Redis;
  let namespace: string;
  const open: LockService[] = [];

  beforeAll(async () => {
    primary = await RedisServer.start({ args: ['--repl-diskless-sync-delay', '0'] });
    const args = ['--replicaof', '127.0.0.1', String(primary.port)];
    replicas = await Promise.all([RedisServer.start({ args }), RedisServer.start({ args })]);
    redis = primary.client();
    await primary.replicated(2);
  });
  afterAll(async () => {
    await Promise.all(open.map((service) => service.close()));
    await Promise.all([primary, ...replicas].map((server) => server.stop()));
  });
  beforeEach(() => {
    namespace = unique('ns');
  });

  async function service(options: Partial<LockModuleOptions> = {}): Promise<LockService> {
    const all = { redis: primary.url, namespace, logger: quiet, commandTimeout: '4s', ...options };
    const made = await createLockService(all as LockModuleOptions);
    open.push(made);
    return made;
  }

  /** While `body` runs, one of the two replicas stands still. */
  async function withOneReplica(body: () => Promise<void>): Promise<void> {
    await replicas[0]!.pause();
    try {
      await body();
    } finally {
      replicas[0]!.resume();
      await primary.replicated(2);
    }
  }

  const value = (server: RedisServer, name = 'n') => server.client().get(`${namespace}:{${name}}`);
  const isWaiting = () => until(() => redis.hlen(`${namespace}:{n}:waiter`), { describe: 'a waiter' });

  it('have the lock when it is handed out', async () => {
    const lock = await (await service()).acquire('n', { replicas: 2 });
    const values = await Promise.all([primary, ...replicas].map((server) => value(server)));
    expect(values).toEqual(Array(3).fill(expect.stringContaining(` ${lock.fencingToken}`)));
    await lock.extend('1h');
    const left = await Promise.all(replicas.map((server) => server.client().pttl(`${namespace}:{n}`)));
    for (const ms of left) expect(ms).toBeGreaterThan(600_000);
    expect(await lock.release()).toBe(true);
  });

  it('that are too few make it unavailable, and it is taken back', async () => {
    const one = await service({ defaults: { replicas: 2 } });
    await withOneReplica(async () => {
      await expect(one.acquire('n', { ttl: '1h' })).rejects.toMatchObject(TOO_FEW);
      await until(async () => (await value(primary)) === null, { describe: 'no lock' });
      // What does not ask for them is not concerned.
      await (await one.acquire('n', { replicas: 1 })).release();
      await (await one.acquire('n', { replicas: 0 })).release();
    });
    await (await one.acquire('n')).release();
  });

  it('are asked for whatever becomes of the script between two calls', async () => {
    await using proxy = await TcpProxy.start(primary);
    const one = await service({ redis: proxy.url, commandTimeout: '20s' });
    await one.run('warm', { replicas: 2 }, () => {});
    proxy.holdRequests();
    const granted = one.acquire('n', { replicas: 2 }).finally(() => {
      proxy.release();
    });
    let isOver = false;
    const over = granted.catch(() => {}).then(() => (isOver = true));
    // Each call finds that the server has just forgotten the script.
    while (!isOver) {
      await Promise.race([proxy.seen('eval'), over]);
      await redis.script('FLUSH');
      proxy.release();
      proxy.holdRequests();
    }
    proxy.release();
    expect(await (await granted).release()).toBe(true);
  });

  it('do not hold up the locks that ask for none', async () => {
    const one = await service();
    await withOneReplica(async () => {
      const order: string[] = [];
      const slow = one.acquire('slow', { replicas: 2 }).catch(() => order.push('slow'));
      await until(() => value(primary, 'slow'));
      await one.run('quick', () => order.push('quick'));
      await slow;
      expect(order).toEqual(['quick', 'slow']);
    });
  });

  it('are waited for when a waiter is granted the lock by a message', async () => {
    const [one, two] = [await service(), await service({ commandTimeout: '1m' })];
    const lock = await one.acquire('n');
    let granted = false;
    const waiting = two.acquire('n', { replicas: 2, wait: '1m' }).then((next) => {
      granted = true;
      return next;
    });
    await isWaiting();
    await withOneReplica(async () => {
      await lock.release();
      await until(() => value(primary), { describe: 'the grant' });
      // Two rounds to the server, on which the grant has been given.
      await two.inspect('n');
      expect(granted).toBe(false);
    });
    expect(await value(replicas[0]!)).toContain(` ${(await waiting).fencingToken}`);
  });

  it('that stay too few for a waiter make it unavailable, and the next is served', async () => {
    const [one, two, three] = [await service(), await service(), await service()];
    const lock = await one.acquire('n');
    const waiting = two.acquire('n', { replicas: 2, wait: '1m' });
    waiting.catch(() => {});
    await isWaiting();
    const next = three.acquire('n', { wait: '1m' });
    await until(() => redis.hlen(`${namespace}:{n}:waiter`).then((count) => count === 2));
    await withOneReplica(async () => {
      await lock.release();
      await expect(waiting).rejects.toMatchObject(TOO_FEW);
      expect((await next).held).toBe(true);
    });
  });

  it('are those of the lease that is handed over inside the process', async () => {
    const one = await service({ localHandOver: { within: '1h' } });
    const lock = await one.acquire('n');
    const seen: (string | null)[][] = [];
    const runs = [2, 2, 0].map((count) =>
      one.run('n', { replicas: count }, async () => {
        seen.push(await Promise.all([primary, ...replicas].map((server) => value(server))));
      }),
    );
    await lock.release();
    await Promise.all(runs);
    const [first, second, third] = seen.map(([held]) => held);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    for (const values of seen.slice(0, 2)) expect(new Set(values).size).toBe(1);
  });

  it('must have each renewal too: else the lock is lost when its lease ends', async () => {
    const lock = await (await service()).acquire('n', { replicas: 2, ttl: '3s' });
    await withOneReplica(async () => {
      const { signal } = lock;
      await until(() => signal.aborted);
      expect(signal.reason).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
    });
  });

  it('are waited for anew after the connection was lost, since nobody knows what was waited for', async () => {
    const proxy = await TcpProxy.start(primary);
    const one = await service({ redis: proxy.url });
    await (await one.acquire('other', { replicas: 1 })).release();
    await withOneReplica(async () => {
      const asked = one.acquire('n', { replicas: 2 });
      asked.catch(() => {});
      await until(() => value(primary), { describe: 'the grant' });
      proxy.resetAll();
      await expect(asked).rejects.toMatchObject(TOO_FEW);
    });
    proxy.stop();
  });

  it('leave nobody in the queue when the call has run, and its repeat is refused', async () => {
    const client = new Redis(primary.url);
    const duplicate = client.duplicate.bind(client);
    let times = 0;
    client.duplicate = ((...options: Parameters<typeof duplicate>) => {
      const lane = duplicate(...options);
      const pipeline = lane.pipeline.bind(lane);
      lane.pipeline = (() => {
        const made = pipeline();
        const exec = made.exec.bind(made);
        made.exec = (async () => {
          times += 1;
          const refused: [Error, null] = [replyError('MASTERDOWN Link with MASTER is down.'), null];
          return times === 1 ? [(await exec())?.[0], refused] : [refused, refused];
        }) as typeof made.exec;
        return made;
      }) as typeof lane.pipeline;
      return lane;
    }) as typeof client.duplicate;
    const one = await service({ redis: client as unknown as RedisSource, commandTimeout: 500 });
    const other = await service();
    const held = await other.acquire('n');
    const asked = one.acquire('n', { replicas: 1, wait: '1h' });
    await expect(asked).rejects.toMatchObject({ ...UNAVAILABLE, uncertain: true });
    expect(times).toBeGreaterThan(1);
    await until(async () => (await other.inspect('n')).waiting.length === 0, { describe: 'nobody to wait' });
    await held.release();
    client.disconnect();
  });

  it('have their locks released as soon as the connection for that is there', async () => {
    const proxy = await TcpProxy.start(primary);
    proxy.holdReplies();
    const client = new Redis(proxy.url);
    client.duplicate = () => primary.client();
    const lock = await (await service({ redis: client as unknown as RedisSource })).acquire('n', { replicas: 2 });
    const released = lock.release();
    expect(await value(primary)).toContain(` ${lock.fencingToken}`);
    proxy.release();
    expect(await released).toBe(true);
    client.disconnect();
    proxy.stop();
  });

  it('have a mark that counts, also when the connection that set it is gone', async () => {
    const proxy = await TcpProxy.start(primary);
    const one = await service({ redis: proxy.url });
    let ready = (): void => {};
    const paused = new Promise<void>((resolve) => {
      ready = resolve;
    });
    const ran = one.once('n', { remember: '1h', replicas: 2, ttl: '3s', renew: false }, () => paused);
    ran.catch(() => {});
    await until(() => value(primary), { describe: 'the lock' });
    await withOneReplica(async () => {
      ready();
      await until(() => redis.exists(`${namespace}:{n}:done`), { describe: 'the mark' });
      proxy.resetAll();
      await expect(ran).rejects.toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
    });
    proxy.stop();
  });
});
