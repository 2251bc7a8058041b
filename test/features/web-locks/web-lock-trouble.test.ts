// What the standard does not know: a store that is away, and leases that end.
import { describe, expect, it, vi } from 'vitest';
import { createLockService, LockOptionsError, type LockStore, MemoryLockStore } from '../../../lib/index.js';
import { createLockManager, type LockManager } from '../../../lib/web-locks.js';
import { until } from '../../support/event.js';
import { down, type Fault, FaultyStore } from '../../support/faulty-store.js';
import { unique, useRedis } from '../../support/redis.js';
import { quiet } from '../../support/stores.js';
import { expectException, openClients, openLocks, Take } from '../../support/web-clients.js';

/** The call is made, but the answer is no. */
const no: Fault = async (call) => {
  await call();
  return false as never;
};

describe('A web lock in a store that is away', () => {
  const openFaulty = async (): Promise<[FaultyStore, LockManager]> => {
    const faulty = new FaultyStore();
    return [faulty, await openLocks({ store: faulty.store, logger: quiet })];
  };

  it.each([{}, { ifAvailable: true }, { mode: 'shared' as const }])('is not granted (%j)', async (options) => {
    const [faulty, locks] = await openFaulty();
    faulty.faults.acquire = down;
    const callback = vi.fn();
    await expect(locks.request('a', options, callback)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(callback).not.toHaveBeenCalled();
  });

  it('cannot be stolen or listed', async () => {
    const [client] = await openClients({ redis: { port: 1 }, commandTimeout: 100, logger: quiet }, 1);
    const callback = vi.fn();
    const unavailable = { code: 'LOCK_UNAVAILABLE' };
    await expect(client!.locks.request('a', { steal: true }, callback)).rejects.toMatchObject(unavailable);
    await expect(client!.locks.query()).rejects.toMatchObject(unavailable);
    expect(callback).not.toHaveBeenCalled();
  });

  it('has the result of its callback when only the release gets no answer', async () => {
    const [faulty, locks] = await openFaulty();
    faulty.faults.release = down;
    expect(await locks.request('a', () => 'result')).toBe('result');
  });

  it('is lost when its lease ends unrenewed, at once, while its callback runs on', async () => {
    const faulty = new FaultyStore();
    const locks = await openLocks({ store: faulty.store, logger: quiet, defaults: { ttl: 100 } });
    faulty.faults.renew = down;
    const take = new Take(locks, 'a');
    const error = await expectException(take.result, 'AbortError');
    expect(error.cause).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable', lockName: 'web:a' });
    await expect(take.end('too late')).rejects.toBe(error);
  });

  it('is lost also when only its release finds out, but an error of its callback comes first', async () => {
    const [faulty, locks] = await openFaulty();
    faulty.faults.release = no;
    const error = await expectException(
      locks.request('a', () => 'result'),
      'AbortError',
    );
    expect(error.cause).toMatchObject({ code: 'LOCK_LOST', why: 'taken', result: 'result' });
    const failure = new Error('the callback’s own');
    await expect(locks.request('a', () => Promise.reject(failure))).rejects.toBe(failure);
  });
});

describe('A web lock on Redis', () => {
  const redis = useRedis();

  it('is lost when its key is deleted', async () => {
    const namespace = unique('ns');
    const locks = await openLocks({ redis: redis.url, namespace, logger: quiet, defaults: { ttl: 300 } });
    const take = new Take(locks, 'a');
    await take.granted;
    expect(await redis.client.del(`${namespace}:{web:a}`)).toBe(1);
    expect((await expectException(take.result, 'AbortError')).cause).toMatchObject({ why: 'taken' });
  });

  it('has the lease of the service', async () => {
    const namespace = unique('ns');
    const locks = await openLocks({ redis: redis.url, namespace, logger: quiet, defaults: { ttl: '1h' } });
    await new Take(locks, 'a').granted;
    expect(await redis.client.pttl(`${namespace}:{web:a}`)).toBeGreaterThan(1_800_000);
  });
});

describe('Web locks of a service', () => {
  it('have of its defaults only what the standard leaves open', async () => {
    const defaults = {
      mode: 'shared' as const,
      permits: 1,
      wait: 0,
      maxWaiting: 1,
      maxHold: 100,
      holdAtLeast: '1h' as const,
      signal: AbortSignal.abort(),
      onLost: 'ignore' as const,
    };
    const [client] = await openClients({ store: 'memory', logger: quiet, defaults }, 1);
    const { locks, service } = client!;
    const held = new Take(locks, 'a');
    expect((await held.granted)?.mode).toBe('exclusive');
    const [holder] = (await service.locker.calls.look('web:a')).holders;
    expect(holder?.remaining).toBeGreaterThan(defaults.maxHold);
    const waiting = [1, 2, 3].map(() => new Take(locks, 'a', { mode: 'shared' }));
    expect((await locks.query()).pending).toHaveLength(3);
    await held.end();
    await Promise.all(waiting.map(({ granted }) => granted));
    await Promise.all(waiting.map((take) => take.end()));
    expect(await locks.request('a', { ifAvailable: true }, (lock) => lock?.name)).toBe('a');
  });

  it('are renewed, whatever its defaults say', async () => {
    const faulty = new FaultyStore();
    const locks = await openLocks({ store: faulty.store, logger: quiet, defaults: { ttl: 500, renew: false } });
    const take = new Take(locks, 'a');
    await until(() => faulty.count('renew') > 0);
    expect(await take.end('held')).toBe('held');
  });

  it('do not take part in its hand-over inside the process', async () => {
    const [here, there] = await openClients({ store: new MemoryLockStore(), logger: quiet }, 2);
    const granted: string[] = [];
    const first = new Take(here!.locks, 'a');
    await first.granted;
    const requests = ['there', 'here', 'there', 'here'].map((who) => {
      const { locks } = who === 'here' ? here! : there!;
      return locks.request('a', () => granted.push(who));
    });
    await first.end();
    await Promise.all(requests);
    expect(granted).toEqual(['there', 'here', 'there', 'here']);
  });

  it('of which one process has the shared one may wait there for the exclusive one', async () => {
    const locks = await openLocks({ store: 'memory', logger: quiet });
    let exclusive: Promise<string> | undefined;
    await locks.request('a', { mode: 'shared' }, () => {
      exclusive = locks.request('a', ({ mode }) => mode);
    });
    expect(await exclusive).toBe('exclusive');
  });

  it('reject with NotSupportedError what the store cannot do', async () => {
    const store = new MemoryLockStore();
    const methods = ['acquire', 'renew', 'release', 'withdraw', 'inspect', 'force', 'subscribe'] as const;
    const plain = Object.fromEntries(methods.map((name) => [name, store[name].bind(store)])) as unknown as LockStore;
    const locks = await openLocks({ store: plain, logger: quiet });
    const callback = vi.fn();
    const stealing = await expectException(locks.request('a', { steal: true }, callback), 'NotSupportedError');
    expect(stealing.cause).toBeInstanceOf(LockOptionsError);
    expect((await expectException(locks.query(), 'NotSupportedError')).cause).toBeInstanceOf(LockOptionsError);
    expect(callback).not.toHaveBeenCalled();
    expect(await locks.request('a', (lock) => lock.name)).toBe('a');
  });

  it('may have several managers', async () => {
    await using service = await createLockService({ store: 'memory', logger: quiet });
    const [one, two] = [createLockManager(service), createLockManager(service)];
    await one.request('a', async () => {
      expect(await two.request('a', { ifAvailable: true }, (lock) => lock)).toBeNull();
      const { held } = await two.query();
      expect(held).toEqual((await one.query()).held);
    });
  });
});
