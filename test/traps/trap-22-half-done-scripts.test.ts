import { describe, expect, it } from 'vitest';
import { createLockService, type Lock, type LockModuleOptions, type LockService } from '../../lib/index.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { LOCK_SCRIPT } from '../../lib/stores/redis/lock-script.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { inTests, quiet } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const ttl = '1h';
const patient = { ttl, wait: '20s' } as const;

describe('trap 22: a script fails half-way', () => {
  const redis = useRedis();

  describe.each([
    ['the right to PUBLISH', '-publish'],
    ['a right to any channel', 'resetchannels'],
  ])('without %s', (_right, restriction) => {
    it('a release succeeds, and the next waiter has the whole lock', async () => {
      const options = await restricted(restriction);
      await using holder = await createLockService(options);
      await using waiter = await createLockService(options);
      const lock = await holder.acquire('a', { ttl });
      const wish = waiter.acquire('a', patient);
      await until(async () => (await holder.inspect('a')).waiting.length === 1);

      expect(await lock.release()).toBe(true);

      const next = await wish;
      expect(next.remaining()).toBeGreaterThan(3_000_000);
      expect(await next.release()).toBe(true);
    });

    it('a lock that is kept back goes to the next waiter in time', async () => {
      const options = await restricted(restriction);
      await using holder = await createLockService(options);
      await using waiter = await createLockService(options);
      const lock = await holder.acquire('a', { ttl, holdAtLeast: '1s' });
      const wish = waiter.acquire('a', patient);
      await until(async () => (await holder.inspect('a')).waiting.length === 1);

      expect(await lock.release()).toBe(true);

      expect((await wish).held).toBe(true);
    });

    it('force frees the lock, and the holder learns of it at its next renewal', async () => {
      const options = await restricted(restriction);
      await using holder = await createLockService(options);
      await using operator = await createLockService(options);
      const { signal } = await holder.acquire('a', { ttl: '3s' });

      expect(await operator.forceRelease('a')).toBe(true);

      expect((await operator.acquire('a', { ttl, wait: 0 })).held).toBe(true);
      await until(() => signal.aborted);
    });
  });

  it('a right that is lost while somebody waits costs no lock', async () => {
    const options = await restricted('+publish');
    await using holder = await createLockService(options);
    await using waiter = await createLockService(options);
    const lock = await holder.acquire('a', { ttl });
    const wish = waiter.acquire('a', patient);
    await until(() => isSureOfItsChannel(options.namespace, 'a'));
    await redis.client.call('ACL', 'SETUSER', options.namespace, '-publish');

    expect(await lock.release()).toBe(true);
    expect(await redis.client.exists(`${options.namespace}:{a}`)).toBe(1);

    expect((await wish).held).toBe(true);
  });

  it('one request that fails in the middle of a batch hurts no neighbour', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const namespace = unique('ns');
    await using service = await createLockService({ redis: proxy.url, namespace, ...inTests });
    await untilNamesTravelTogether(proxy, service);
    const names = ['one', 'spoilt', 'three'];
    await redis.client.set(`${namespace}:{spoilt}:shared`, 'no sorted set', 'PX', 60_000);

    const batch = proxy.seen('{one}');
    const outcomes = await Promise.allSettled(names.map((name) => service.acquire(name, { ttl })));

    for (const name of names) expect(await batch).toContain(`{${name}}`);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'LOCK_UNAVAILABLE', lockName: 'spoilt' } });
    expect(await redis.client.exists(`${namespace}:{spoilt}`)).toBe(0);
  });

  it('one release that fails in the middle of a batch hurts no neighbour', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const namespace = unique('ns');
    await using service = await createLockService({ redis: proxy.url, namespace, ...inTests });
    await untilNamesTravelTogether(proxy, service);
    const names = ['one', 'spoilt', 'three'];
    const locks = await Promise.all(names.map((name) => service.acquire(name, { ttl })));
    await redis.client.multi().del(`${namespace}:{spoilt}`).lpush(`${namespace}:{spoilt}`, 'no string').exec();

    const batch = proxy.seen('{one}');
    const outcomes = await Promise.allSettled(locks.map((lock) => lock.release()));

    for (const name of names) expect(await batch).toContain(`{${name}}`);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await redis.client.keys(`${namespace}:{*}`)).toEqual([`${namespace}:{spoilt}`]);
    await redis.client.del(`${namespace}:{spoilt}`);
  });

  it.each(['queue', 'waiter'])(
    'no release is said to have failed that was done, when the %s cannot be read',
    async (part) => {
      const namespace = unique('ns');
      await using holder = await createLockService({ redis: redis.url, namespace, ...inTests });
      await using waiter = await createLockService({ redis: redis.url, namespace, ...inTests });
      const lock = await holder.acquire('a', { ttl });
      void waiter.acquire('a', patient).catch(() => {});
      await until(async () => (await holder.inspect('a')).waiting.length === 1);
      await redis.client.set(`${namespace}:{a}:${part}`, 'spoilt', 'PX', 60_000);

      await expectHonestRelease(lock, namespace);

      await redis.client.del(`${namespace}:{a}:${part}`);
    },
  );

  it('a request to wait that fails leaves no place in the queue', async () => {
    const namespace = unique('ns');
    await using holder = await createLockService({ redis: redis.url, namespace, ...inTests });
    await using waiter = await createLockService({ redis: redis.url, namespace, ...inTests });
    await holder.acquire('a', { ttl });
    await redis.client.set(`${namespace}:{a}:waiter`, 'no hash', 'PX', 60_000);

    await expect(waiter.acquire('a', patient)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });

    await until(async () => (await redis.client.exists(`${namespace}:{a}:queue`)) === 0);
  });

  it.concurrent.each(commandsOfTheScript())('without the right to %s nothing is left half done', async (command) => {
    const options = await restricted('+publish');
    const { namespace } = options;
    await using holder = await createLockService(options);
    await using waiter = await createLockService(options);
    await using other = await createLockService({ namespace, redis: redis.url, ...inTests });
    await learnThatMessagesArrive(waiter, holder, namespace);
    await redis.client.call('ACL', 'SETUSER', namespace, `-${command}`);

    const [lock] = await settled(holder.acquire('a', { ttl }));
    const waiting = settled(waiter.acquire('a', { ttl, wait: 1_500 }));
    if (lock) await expectHonestRelease(lock, namespace);
    const [next] = await waiting;
    await settled(next?.release());

    await redis.client.call('ACL', 'SETUSER', namespace, `+${command}`);
    expect((await other.acquire('a', patient)).held).toBe(true);
  });

  it.concurrent.each(commandsOfTheScript())('without the right to %s no key lacks its ttl', async (command) => {
    const { redis: url, namespace } = await restricted(`-${command}`);
    const connection = await Connection.open(url!, quiet);
    const port = new RedisLockStore({ connection, namespace, commandTimeout: 5_000, logger: quiet });
    const claim = { ttl: 60_000, ticket: 0, attempt: 1, block: 1, permits: 0, alive: 5_000 };
    for (const name of ['exclusive', 'shared']) {
      const permits = name === 'shared' ? 3 : 0;
      for (const step of [
        () => port.acquire({ ...claim, name, permits, owner: 'a#1' }),
        () => port.acquire({ ...claim, name, owner: 'a#2' }),
        () => port.acquire({ ...claim, name, permits: 1, owner: 'a#3' }),
        () => port.renew({ name, owner: 'a#1', ttl: 60_000 }),
        () => port.acquire({ ...claim, name, owner: 'a#2' }),
        () => port.release({ name, owner: 'a#1', retain: 30_000 }),
        () => port.inspect(name),
        () => port.withdraw({ name, owner: 'a#2' }),
      ]) {
        await settled<unknown>(step());
        expect({ step: String(step), endless: await endlessKeys(namespace) }).toMatchObject({ endless: [] });
      }
    }
    await port.close();
  });

  /** A connection finds out first whether one server has all names. */
  async function untilNamesTravelTogether(proxy: TcpProxy, service: LockService): Promise<void> {
    await until(async () => {
      const seen = proxy.seen('{warm}');
      await Promise.all(['warm', 'warmer'].map((name) => service.run(name, () => {})));
      return (await seen).includes('{warmer}');
    });
  }

  /** Options with a user of their own, who may do everything but what the rule takes from it. */
  async function restricted(rule: string): Promise<LockModuleOptions & { namespace: string }> {
    const user = unique('user');
    await redis.client.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', rule);
    return { redis: redis.server.urlAs(user, 'secret'), namespace: user, ...inTests };
  }

  /** Whether the waiter of that lock has told Redis that a message which reaches nobody means that it is gone. */
  async function isSureOfItsChannel(namespace: string, name: string): Promise<boolean> {
    const waiters = await redis.client.hvals(`${namespace}:{${name}}:waiter`);
    return waiters.length === 1 && waiters[0]!.endsWith(' 1');
  }

  async function learnThatMessagesArrive(waiter: LockService, holder: LockService, namespace: string): Promise<void> {
    const lock = await holder.acquire('warm', { ttl });
    const wish = waiter.acquire('warm', patient);
    await until(() => isSureOfItsChannel(namespace, 'warm'));
    await lock.release();
    await (await wish).release();
  }

  /** Releases; a failure that says "certainly not done" must be true. */
  async function expectHonestRelease(lock: Lock, namespace: string): Promise<void> {
    const [released, refusal] = await settled(lock.release());
    const freed = !(await redis.client.get(`${namespace}:{${lock.name}}`))?.endsWith(` ${lock.fencingToken}`);
    if (released) expect(freed).toBe(true);
    else expect(refusal).toMatchObject({ code: 'LOCK_UNAVAILABLE', ...(freed && { uncertain: true }) });
  }

  /** The keys that would stay for ever. */
  async function endlessKeys(namespace: string): Promise<string[]> {
    const keys = await redis.client.keys(`${namespace}:*`);
    const ttls = await Promise.all(keys.map((key) => redis.client.pttl(key)));
    return keys.filter((_key, index) => ttls[index] === -1);
  }
});

function commandsOfTheScript(): string[] {
  const words = Array.from(LOCK_SCRIPT.matchAll(/'([A-Z]{3,})'/g), ([, word]) => word!.toLowerCase());
  return [...new Set(words)].filter(
    (word) => !['withscores', 'byscore', 'withvalues', 'numsub', 'keepttl'].includes(word),
  );
}

async function settled<T>(promise: Promise<T> | undefined): Promise<[T | undefined, unknown]> {
  try {
    return [await promise, undefined];
  } catch (error) {
    return [undefined, error];
  }
}
