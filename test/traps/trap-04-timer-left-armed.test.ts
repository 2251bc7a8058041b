import { describe, expect, it, vi } from 'vitest';
import { createLockService, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';
import { runProgram } from '../support/program.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { bothStores, inTests } from '../support/stores.js';
import type { Connection, Deed } from './programs/take-a-lock.js';

const DEEDS: Deed[] = [
  'opens a service',
  'takes a lock and releases it',
  'takes, waits for and loses locks in every way',
  'holds a lock',
  'closes the service',
];

describe('trap 4: a timer stays armed after the work is done', () => {
  const redis = useRedis();

  describe.each<Connection>(['memory', 'own', 'handed-in'])(
    'a program (connection: %s) ends by itself',
    (connection) => {
      it.each(DEEDS)('that %s', async (deed) => {
        const args = { url: redis.url, namespace: unique('ns'), connection, deed };
        expect(await runProgram('take-a-lock', args)).toEqual({ code: 0, lines: ['done'], errors: '' });
      });
    },
  );

  it.each<Connection>(['own', 'handed-in'])(
    'a program (connection: %s) ends by itself that outlives its Redis',
    async (connection) => {
      await using server = await RedisServer.start();
      const args = {
        url: server.url,
        redisPid: server.pid,
        namespace: unique('ns'),
        connection,
        deed: 'outlives its Redis',
      };
      expect(await runProgram('take-a-lock', args)).toMatchObject({ code: 0, lines: ['done'] });
    },
  );

  it('what a program that ended by itself still held stays held for the ttl, and what it released is free', async () => {
    const namespace = unique('ns');
    const args = { url: redis.url, namespace, connection: 'own', deed: 'holds a lock' };
    await runProgram('take-a-lock', args);
    await runProgram('take-a-lock', { ...args, deed: 'takes a lock and releases it' });
    await using service = await createLockService({ redis: redis.url, namespace, ...inTests });
    expect(await service.tryAcquire('held')).toBeNull();
    expect(await service.tryAcquire('lock')).not.toBeNull();
  });

  describe.each(bothStores(redis))('in $name', (store) => {
    // Sockets stay real.
    useFakeTime({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });

    it.each<[string, (service: LockService, other: LockService, name: string) => Promise<unknown>]>([
      ['a release', async (service, _, name) => (await service.acquire(name)).release()],
      ['a body', (service, _, name) => service.run(name, async () => {})],
      ['a body that fails', (service, _, name) => service.run(name, () => Promise.reject(new Error())).catch(() => {})],
      ['several names', (service, _, name) => service.run([name, `${name}-2`], async () => {})],
      ['a shared lock', (service, _, name) => service.run(name, { mode: 'shared', permits: 2 }, async () => {})],
      [
        'bodies that follow each other',
        (service, _, name) => Promise.all([1, 2, 3].map(() => service.run(name, rest))),
      ],
      ['a lock that was kept back', (service, _, name) => service.run(name, { holdAtLeast: '1h' }, async () => {})],
      [
        'a wait that was given up',
        async (service, other, name) => {
          const held = await other.acquire(name);
          const giveUp = new AbortController();
          const wish = service.acquire(name, { signal: giveUp.signal }).catch(() => {});
          await until(async () => (await other.inspect(name)).waiting.length === 1);
          giveUp.abort();
          await wish;
          await until(async () => (await other.inspect(name)).waiting.length === 0);
          await held.release();
        },
      ],
      [
        'a wait that was worth it',
        async (service, other, name) => {
          const held = await other.acquire(name);
          const wish = service.acquire(name);
          await until(async () => (await other.inspect(name)).waiting.length === 1);
          await held.release();
          await (await wish).release();
        },
      ],
      [
        'a loss',
        async (service, other, name) => {
          const { signal } = await service.acquire(name);
          await other.forceRelease(name);
          await until(() => signal.aborted);
        },
      ],
    ])('nothing is armed after %s', async (_, deed) => {
      const shared = store.shared();
      await using service = await createLockService(shared);
      await using other = await createLockService(shared);
      await other.run(unique('warm-up'), rest);
      await deed(service, other, unique('lock'));
      await until(() => vi.getTimerCount() === 0, { describe: 'no timer to be armed' });
    });
  });
});

async function rest(): Promise<void> {
  await new Promise(setImmediate);
}
