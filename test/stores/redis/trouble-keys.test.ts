import { describe, expect, it } from 'vitest';
import { createLockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique, useRedis } from '../../support/redis.js';
import { everyCall, keysWithoutTtl, recordingLogger, traces, unavailable } from '../../support/redis-observe.js';
import { quiet } from '../../support/stores.js';

const FOREIGN = /^WRONGTYPE/;

describe('a key of the lock holds something else', () => {
  const redis = useRedis();

  /** Puts a value of a wrong type under one of the keys of a lock. */
  async function spoil(namespace: string, suffix: string, name = 'n'): Promise<string> {
    const key = `${namespace}:{${name}}${suffix}`;
    await redis.client.multi().del(key).rpush(key, 'a list').exec();
    return key;
  }

  async function serviceOn(namespace: string, logger = recordingLogger()) {
    return createLockService({ redis: redis.url, namespace, logger });
  }

  describe.each([
    ['the holder', ''],
    ['the shared holders', ':shared'],
    ['the queue', ':queue'],
  ])('%s', (_, suffix) => {
    it('every call is unavailable with the cause, none is busy, and no body runs', async () => {
      const namespace = unique('ns');
      await using service = await serviceOn(namespace);
      let ran = false;
      const calls = everyCall(service, () => {
        ran = true;
      });
      const keys = await Promise.all(calls.map(({ name }) => spoil(namespace, suffix, name)));
      for (const { name, call } of calls) {
        const { cause, lockName } = await unavailable(call());
        expect(lockName).toBe(name);
        expect((cause as Error).message).toMatch(FOREIGN);
      }
      expect(ran).toBe(false);
      expect(await keysWithoutTtl(redis.client, namespace)).toEqual(keys.sort());

      await redis.client.del(keys);
      await until(async () => (await traces(redis.client, namespace)).length === 0, { describe: 'no trace' });
      expect(await (await service.acquire('run')).release()).toBe(true);
    });
  });

  it.each(['', ':shared', ':queue', ':waiter'])(
    'the body that runs meanwhile ends as it ends (key%s)',
    async (suffix) => {
      const namespace = unique('ns');
      const error = new Error('of the body');
      for (const outcome of ['value', error]) {
        await using service = await serviceOn(namespace);
        const result = service.run('n', async () => {
          await spoil(namespace, suffix);
          if (outcome instanceof Error) throw outcome;
          return outcome;
        });
        expect(await result.catch((thrown) => thrown)).toBe(outcome);
        await redis.client.del(await redis.client.keys(`${namespace}:*`));
      }
    },
  );

  describe('the waiters', () => {
    it('who has to wait is told that the store is in trouble, and leaves nothing behind', async () => {
      const namespace = unique('ns');
      await using holder = await serviceOn(namespace);
      await using service = await serviceOn(namespace);
      const lock = await holder.acquire('n');
      const key = await spoil(namespace, ':waiter');
      for (const options of [{}, { mode: 'shared' }] as const) {
        const { cause } = await unavailable(service.acquire('n', options));
        expect((cause as Error).message).toMatch(FOREIGN);
      }
      expect(await keysWithoutTtl(redis.client, namespace)).toEqual([key]);
      await lock.release().catch(() => {});
    });

    it('who does not wait is told that it is busy, and what is free is locked', async () => {
      const namespace = unique('ns');
      await using service = await serviceOn(namespace);
      await using other = await createLockService({ redis: redis.url, namespace, logger: quiet });
      await spoil(namespace, ':waiter');
      const lock = await service.acquire('n');
      expect(await other.tryAcquire('n')).toBeNull();
      expect(await lock.release()).toBe(true);
    });
  });
});
