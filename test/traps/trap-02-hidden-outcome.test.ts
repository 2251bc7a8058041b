import { describe, expect, it } from 'vitest';
import {
  createLockService,
  type Duration,
  type LockLostError,
  type LockOptions,
  type LockService,
} from '../../lib/index.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { down, FaultyStore } from '../support/faulty-store.js';
import { unique } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { quiet } from '../support/stores.js';

type Break = (server: RedisServer, name: string) => Promise<unknown>;

const UNREACHABLE: [string, Break][] = [
  ['is killed', (server) => server.kill()],
  ['stands still', (server) => server.pause()],
];
const FORGETFUL: [string, Break][] = [
  ['comes back empty', (server) => server.restart()],
  ['has lost the key', (server, name) => server.client().del(`lock:{${name}}`)],
];
/** The release is under way when it dies. */
const DYING: [string, Break] = [
  'dies without an answer',
  async (server) => {
    await server.pause();
    const { pid } = server;
    setTimeout(() => server.pid === pid && void server.kill(), 100);
  },
];
const TROUBLES = [...UNREACHABLE, ...FORGETFUL];

type Verb = (service: LockService, name: string, options: LockOptions, body: () => unknown) => Promise<unknown>;

const VERBS: [string, Verb][] = [
  ['run', (service, name, options, body) => service.run(name, options, body)],
  ['tryRun', (service, name, options, body) => service.tryRun(name, options, body)],
];

describe('trap 2: a failed release hides what the body threw or returned', () => {
  describe.each(TROUBLES)('on a Redis that %s while the body runs', (_, breakRedis) => {
    it.each(VERBS)('%s rejects with the very error of the body', async (_, verb) => {
      await using redis = await RedisServer.start();
      await using service = await open(redis);
      const name = unique('lock');
      const error = new Error('declined');
      const run = verb(service, name, {}, async () => {
        await breakRedis(redis, name);
        throw error;
      });
      await expect(run).rejects.toBe(error);
    });

    it('with onLost "ignore" the result of the body comes out', async () => {
      await using redis = await RedisServer.start();
      await using service = await open(redis);
      const name = unique('lock');
      const receipt = { paid: true };
      const body = async () => {
        await breakRedis(redis, name);
        return receipt;
      };
      expect(await service.run(name, { onLost: 'ignore' }, body)).toBe(receipt);
    });
  });

  it.each(UNREACHABLE)('the result of the body comes out when Redis %s: unknown is not lost', async (_, breakRedis) => {
    await using redis = await RedisServer.start();
    await using service = await open(redis);
    const receipt = { paid: true };
    const result = await service.run(unique('lock'), async () => {
      await breakRedis(redis, '');
      return receipt;
    });
    expect(result).toBe(receipt);
  });

  it.each(FORGETFUL)('when Redis %s, the loss is reported and carries the result', async (_, breakRedis) => {
    await using redis = await RedisServer.start();
    await using service = await open(redis);
    const receipt = { paid: true };
    for (const [, verb] of VERBS) {
      const name = unique('lock');
      const run = verb(service, name, {}, async () => {
        await breakRedis(redis, name);
        // The connection is up again, so that the release is answered.
        await until(() => service.inspect(name).catch(() => undefined), { describe: 'an answer' });
        return receipt;
      });
      const error = await run.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'LOCK_LOST', why: 'taken', lockName: name });
      expect((error as LockLostError).result).toBe(receipt);
    }
  });

  it.each(UNREACHABLE)(
    'a result that comes when the lease has ended, since Redis %s, is in the error',
    async (_, breakRedis) => {
      await using redis = await RedisServer.start();
      await using service = await open(redis);
      const receipt = { paid: true };
      const run = service.run(unique('lock'), { ttl: 2_000 }, async ({ signal }) => {
        await breakRedis(redis, '');
        await until(() => signal.aborted);
        return receipt;
      });
      const error = await run.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'LOCK_LOST', why: 'unavailable' });
      expect((error as LockLostError).result).toBe(receipt);
    },
  );

  describe.each([...UNREACHABLE, DYING])(
    'when Redis %s, and no command times out before the test does',
    (_, breakRedis) => {
      async function run(end: () => unknown): Promise<unknown> {
        await using redis = await RedisServer.start();
        await using service = await open(redis, '1h');
        const outcome = service.run(unique('lock'), { ttl: '1h' }, async () => {
          await breakRedis(redis, '');
          return end();
        });
        try {
          return await atOnce(outcome);
        } finally {
          // For closing.
          await redis.restart();
        }
      }

      it('an error of the body comes out at once', async () => {
        const error = new Error('declined');
        await expect(run(() => Promise.reject(error))).rejects.toBe(error);
      });

      it('a result of the body comes out at once', async () => {
        expect(await run(() => 'receipt')).toBe('receipt');
      });
    },
  );

  it('`await using` lets the error of its block out when the release fails', async () => {
    await using redis = await RedisServer.start();
    await using service = await open(redis);
    const error = new Error('declined');
    const work = async (): Promise<void> => {
      await using _lock = await service.acquire(unique('lock'));
      await redis.kill();
      throw error;
    };
    await expect(work()).rejects.toBe(error);
  });

  describe('on a store that refuses every release, in fake time that stands still', () => {
    useFakeTime();

    it.each([
      ['a text', 'declined'],
      ['undefined', undefined],
      ['null', null],
      ['a frozen error', Object.freeze(new Error('declined'))],
      ['an object', { code: 'LOCK_LOST' }],
    ])('%s that the body throws comes out', async (_, thrown) => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, logger: quiet });
      faulty.faults.release = down;
      await expect(service.run('async', () => Promise.reject(thrown))).rejects.toBe(thrown);
      const throwing = (): never => {
        throw thrown;
      };
      await expect(service.run('sync', throwing)).rejects.toBe(thrown);
    });

    it.each([
      ['undefined', undefined],
      ['null', null],
      ['false', false],
      ['an error', new Error('as a value')],
    ])('%s that the body returns comes out', async (_, value) => {
      const faulty = new FaultyStore();
      await using service = await createLockService({ store: faulty.store, logger: quiet });
      faulty.faults.release = down;
      expect(await service.run('lock', async () => value)).toBe(value);
      expect(await service.tryRun('other', async () => value)).toEqual({ acquired: true, value });
    });
  });
});

function open(redis: RedisServer, commandTimeout: Duration = 500): Promise<LockService> {
  return createLockService({ redis: redis.url, logger: quiet, commandTimeout, shutdownGrace: 0 });
}

/** Well before anything that was set to an hour, and long enough for a busy machine. */
async function atOnce<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('It waits for Redis')), 5_000);
  });
  return Promise.race([promise, over]).finally(() => clearTimeout(timer));
}
