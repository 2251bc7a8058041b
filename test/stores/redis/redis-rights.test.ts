import { afterAll, describe, expect, it, vi } from 'vitest';
import { createLockService, type LockModuleOptions, type LockService } from '../../../lib/index.js';
import { createLockManager } from '../../../lib/web-locks.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';
import { traces, unavailable } from '../../support/redis-observe.js';

import {
  commandsOf,
  documentedExtra,
  documentedRule,
  refused as refusedBy,
  setUser,
} from '../../support/redis-rule.js';
import { quiet } from '../../support/stores.js';

const OPTIONAL = ['info'];
/** Without these the locks work all the same, but nobody is woken by a message. */
const MESSAGES = ['publish', 'subscribe'];

describe('the rights of the Redis user', () => {
  const redis = useRedis();
  const open: LockService[] = [];
  afterAll(() => Promise.all(open.map((service) => service.close())));

  /** A service of a user that has this rule. */
  async function serviceAs(rule: readonly string[], namespace: string, options: Partial<LockModuleOptions> = {}) {
    const user = unique('user');
    await setUser(redis.client, user, rule);
    const url = redis.server.urlAs(user, 'secret');
    const service = await createLockService({
      logger: quiet,
      shutdownGrace: 0,
      ...options,
      redis: url,
      namespace,
      quorum: undefined,
      store: undefined,
    });
    open.push(service);
    return Object.assign(service, { user });
  }

  async function servicesWithAndWithout(command: string) {
    const namespace = unique('ns');
    const rule = documentedRule(namespace);
    const full = await serviceAs(rule, namespace);
    const cut = await serviceAs(
      rule.filter((word) => word !== `+${command}`),
      namespace,
    );
    return { namespace, full, cut };
  }

  const refused = (user: string): Promise<string[]> => refusedBy(redis.client, user);

  async function isWaiting(namespace: string, name: string): Promise<void> {
    await until(() => redis.client.hlen(`${namespace}:{${name}}:waiter`), { describe: 'a waiter' });
  }

  describe('with exactly the documented rule', () => {
    const namespace = unique('ns');
    const both = async () => {
      const rule = documentedRule(namespace);
      const services = [await serviceAs(rule, namespace), await serviceAs(rule, namespace)] as const;
      return services;
    };

    it('locks are taken, kept, extended, inspected, released by force, shared and counted', async () => {
      const [one, two] = await both();
      const lock = await one.acquire('a', { ttl: '1s' });
      expect(await two.tryAcquire('a')).toBeNull();
      await lock.extend('1m');
      expect((await two.inspect('a')).holders).toHaveLength(1);
      expect(await two.forceRelease('a')).toBe(true);
      await until(() => lock.signal.aborted);
      expect(await lock.release()).toBe(false);

      const [first, second] = await Promise.all(
        [one, two].map((each) => each.acquire('a', { permits: 2, mode: 'shared' })),
      );
      expect(await one.tryAcquire('a', { permits: 2, mode: 'shared' })).toBeNull();
      expect(await first!.release()).toBe(true);
      expect(await second!.release()).toBe(true);
      expect([...(await refused(one.user)), ...(await refused(two.user))]).toEqual([]);
    });

    it('a lease is renewed and a lock kept back after its release', async () => {
      const [one, two] = await both();
      const lock = await one.acquire('b', { ttl: '3s', holdAtLeast: '1h' });
      let left = 3_000;
      await until(
        async () => {
          const before = left;
          left = await redis.client.pttl(`${namespace}:{b}`);
          return left > before;
        },
        { describe: 'a renewal' },
      );
      expect(await lock.release()).toBe(true);
      expect((await two.inspect('b')).holders).toMatchObject([{ retained: true }]);
      expect([...(await refused(one.user)), ...(await refused(two.user))]).toEqual([]);
    });

    it('a waiter is known to hear messages, and is granted the lock by one', async () => {
      const [one, two] = await both();
      const lock = await one.acquire('c');
      const waiting = two.acquire('c');
      // The last word of a waiter says that a message which nobody hears means that the waiter is gone.
      await until(async () => (await redis.client.hvals(`${namespace}:{c}:waiter`))[0]?.endsWith(' 1'));
      await lock.release();
      expect(await (await waiting).release()).toBe(true);
      expect([...(await refused(one.user)), ...(await refused(two.user))]).toEqual([]);
    });

    it('work is marked as done, forgotten, asked for and stolen', async () => {
      const [one, two] = await both();
      expect((await one.once('m', { remember: '1h' }, () => {})).status).toBe('ran');
      expect((await two.once('m', { remember: '1h' }, () => {})).status).toBe('done');
      expect(await two.forget('m')).toBe(true);
      const manager = createLockManager(one);
      const held = manager.request('m', () => new Promise(() => {}));
      const stolen = expect(held).rejects.toMatchObject({ name: 'AbortError' });
      await until(() => two.requestRelease('web:m'));
      expect(await createLockManager(two).request('m', { steal: true }, () => 1)).toBe(1);
      await stolen;
      expect([...(await refused(one.user)), ...(await refused(two.user))]).toEqual([]);
    });

    it('locks are listed with SCAN beside it; without, it is said what is lacking', async () => {
      const listing = await serviceAs(
        [...documentedRule(namespace), ...documentedExtra('`list`, and `query` of a [lock manager](web-locks.md)')],
        namespace,
      );
      expect(await createLockManager(listing).query()).toEqual({ held: [], pending: [] });
      const lock = await listing.acquire('listed');
      const { locks } = await listing.list('listed');
      expect(locks).toMatchObject([{ name: 'listed', holders: [{ answers: true }] }]);
      await lock.release();
      const [one] = await both();
      await expect(one.list()).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        message: expect.stringMatching(/scan/),
      });
      await expect(createLockManager(one).query()).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        message: expect.stringMatching(/scan/),
      });
    });

    it('the script is loaded again after SCRIPT FLUSH', async () => {
      const [one] = await both();
      await redis.client.script('FLUSH');
      const lock = await one.acquire('d');
      expect(await lock.release()).toBe(true);
    });

    it('nothing else may be done: other keys, channels and commands are refused', async () => {
      const { user } = await serviceAs(documentedRule(namespace), namespace);
      const client = redis.server.client({ username: user, password: 'secret' });
      await expect(client.get('other')).rejects.toThrow('NOPERM');
      await expect(client.subscribe('other')).rejects.toThrow('NOPERM');
      await expect(client.keys('*')).rejects.toThrow('NOPERM');
      await expect(client.flushall()).rejects.toThrow('NOPERM');
    });
  });

  type Services = Awaited<ReturnType<typeof servicesWithAndWithout>>;
  const acquire = ({ cut }: Services) => cut.acquire('n');
  const acquireOnFreshServer = async ({ cut }: Services) => {
    await redis.client.script('FLUSH');
    return cut.acquire('n');
  };
  const tryWhatIsHeld = async ({ full, cut }: Services) => {
    await full.acquire('n');
    return cut.tryAcquire('n');
  };
  const waitForWhatIsHeld = async ({ full, cut }: Services) => {
    await full.acquire('n');
    return cut.acquire('n');
  };
  const extend = async ({ cut }: Services) => (await cut.acquire('n')).extend();
  const release = async ({ cut }: Services) => (await cut.acquire('n')).release();
  const releaseTogether = async ({ cut }: Services) => {
    const locks = await Promise.all(['n', 'm'].map((name) => cut.acquire(name)));
    await Promise.all(locks.map((lock) => lock.release()));
  };
  const share = ({ cut }: Services) => cut.acquire('n', { mode: 'shared' });
  const releaseShare = async ({ cut }: Services) => (await cut.acquire('n', { mode: 'shared' })).release();
  const sharePermits = async ({ full, cut }: Services) => {
    await full.acquire('n', { permits: 2, mode: 'shared' });
    return cut.acquire('n', { permits: 2, mode: 'shared' });
  };
  const forceBeforeWaiter = async ({ full, cut, namespace }: Services) => {
    await full.acquire('n');
    full.acquire('n').catch(() => {});
    await isWaiting(namespace, 'n');
    return cut.forceRelease('n');
  };
  const inspectWaiter = async ({ full, cut, namespace }: Services) => {
    await full.acquire('n', { mode: 'shared' });
    full.acquire('n').catch(() => {});
    await isWaiting(namespace, 'n');
    return cut.inspect('n');
  };

  const BREAKS: Record<string, [operation: string, run: (services: Services) => Promise<unknown>]> = {
    evalsha: ['acquiring', acquire],
    eval: ['acquiring from a server that does not know the script', acquireOnFreshServer],
    time: ['acquiring', acquire],
    exists: ['acquiring', acquire],
    set: ['acquiring', acquire],
    get: ['trying what is held', tryWhatIsHeld],
    mget: ['releasing two in one tick', releaseTogether],
    pttl: ['trying what is held', tryWhatIsHeld],
    zrank: ['trying what is held', tryWhatIsHeld],
    pexpire: ['extending', extend],
    del: ['releasing', release],
    zadd: ['sharing', share],
    zscore: ['sharing with another', sharePermits],
    zcard: ['sharing with another', sharePermits],
    zremrangebyscore: ['sharing with another', sharePermits],
    zrem: ['releasing a share', releaseShare],
    hset: ['waiting', waitForWhatIsHeld],
    zrange: ['inspecting', inspectWaiter],
    hget: ['inspecting a waiter', inspectWaiter],
    hdel: ['forcing before a waiter', forceBeforeWaiter],
  };

  it('the documented rule has no command too many and none too few', () => {
    const commands = commandsOf(documentedRule('any')).filter((command) => !OPTIONAL.includes(command));
    expect(commands.sort()).toEqual([...Object.keys(BREAKS), ...MESSAGES].sort());
  });

  it.each(Object.entries(BREAKS).map(([command, [operation, run]]) => ({ command, operation, run })))(
    'without $command, $operation is unavailable: neither busy nor done',
    async ({ command, run }) => {
      const services = await servicesWithAndWithout(command);
      await expect(run(services)).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        cause: { message: expect.stringMatching(/NOPERM|no permissions|can't run this command/) },
      });
      expect(await refused(services.cut.user)).toContain(command);
    },
  );

  it.each(MESSAGES)('without %s there are no messages, and waiters get the lock by asking again', async (command) => {
    const { full, cut, namespace } = await servicesWithAndWithout(command);
    // Without the right to subscribe the waiter hears nothing, without that to publish the holder says nothing.
    const [holder, waiter] = command === 'publish' ? [cut, full] : [full, cut];
    // It asks when the lease of the holder ends.
    const lock = await holder.acquire('n', { ttl: '3s' });
    const waiting = waiter.acquire('n');
    await isWaiting(namespace, 'n');
    await lock.release();
    expect(await (await waiting).release()).toBe(true);
    expect(await refused(cut.user)).toContain(command);
  });

  it.each(OPTIONAL)('without %s everything works, and ioredis says what it misses', async (command) => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { full, cut } = await servicesWithAndWithout(command);
    const lock = await cut.acquire('n');
    const waiting = full.acquire('n');
    await lock.release();
    expect(await (await waiting).release()).toBe(true);
    expect(warned).toHaveBeenCalledWith(expect.stringContaining(`'${command}'`));
    await cut.close();
    warned.mockRestore();
  });

  it('a full queue is busy with the right that the document adds, and unavailable without it', async () => {
    const { full, cut, namespace } = await servicesWithAndWithout('none');
    await full.acquire('n');
    full.acquire('n').catch(() => {});
    await isWaiting(namespace, 'n');
    const other = await serviceAs([...documentedRule(namespace), ...documentedExtra('`maxWaiting`')], namespace);
    await expect(other.acquire('n', { maxWaiting: 1 })).rejects.toMatchObject({ code: 'LOCK_BUSY', crowded: true });
    await expect(cut.acquire('n', { maxWaiting: 1 })).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(await refused(cut.user)).toContain('hrandfield');
  });

  it('replicas are waited for with the right that the document adds, and not without it', async () => {
    const namespace = unique('ns');
    const rule = documentedRule(namespace);
    const problems = [];
    for (const rights of [[...rule, ...documentedExtra('`replicas`')], rule]) {
      const service = await serviceAs(rights, namespace, { commandTimeout: '200ms' });
      problems.push(await service.acquire('n', { replicas: 1 }).catch(({ problem }) => problem));
    }
    expect(problems).toEqual([
      '0 of the 1 replicas that `replicas` asks for have the lock',
      expect.stringContaining("this user has no permissions to run the 'wait' command"),
    ]);
  });

  it('what a missing right left half done is taken back', async () => {
    const { cut, namespace } = await servicesWithAndWithout('pexpire');
    await unavailable(cut.acquire('n', { mode: 'shared' }));
    await until(async () => (await traces(redis.client, namespace)).length === 0, { describe: 'no trace' });
  });

  it('outside of the keys of the rule nothing is locked', async () => {
    const service = await serviceAs(documentedRule(unique('ns')), unique('other'));
    await expect(service.acquire('n')).rejects.toMatchObject({
      code: 'LOCK_UNAVAILABLE',
      cause: { message: expect.stringContaining('NOPERM') },
    });
  });
});
