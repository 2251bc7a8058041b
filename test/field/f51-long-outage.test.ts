import { describe, expect, it } from 'vitest';
import type { LockService } from '../../lib/index.js';
import { createLockManager } from '../../lib/web-locks.js';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network } from '../support/network.js';
import { RedisServer } from '../support/redis-server.js';

const AWAY = {
  code: 'LOCK_UNAVAILABLE',
  uncertain: false,
  problem: expect.stringMatching(/^Redis has been away for \d+ ms$/),
};
/** Much longer than it takes to fail at once, on any machine. */
const LONG = '20s';

describe('F51: Redis has been away for longer than commandTimeout', () => {
  const calls: [string, (locks: LockService) => Promise<unknown>][] = [
    ['acquire', (locks) => locks.acquire('n')],
    ['acquire with a short wait', (locks) => locks.acquire('n', { wait: 100 })],
    ['tryAcquire', (locks) => locks.tryAcquire('n')],
    ['run', (locks) => locks.run('n', () => {})],
    ['tryRun', (locks) => locks.tryRun('n', () => {})],
    ['a shared lock', (locks) => locks.acquire('n', { mode: 'shared' })],
    ['once', (locks) => locks.once('n', { remember: '1m' }, () => {})],
    ['inspect', (locks) => locks.inspect('n')],
    ['a lock that asks for replicas', (locks) => locks.acquire('n', { replicas: 1 })],
    ['the list of all Web Locks', (locks) => createLockManager(locks).query()],
  ];

  const sources = [
    { of: 'a URL', source: (server: RedisServer) => server.url },
    ...VERSIONS.map(({ version, connect }) => ({
      of: version,
      source: (server: RedisServer) => connect({ port: server.port }),
    })),
  ];

  it.each(sources)(
    'every call fails at once, until it is back; both is logged once: $of',
    { timeout: 60_000 },
    async ({ source }) => {
      await using server = await RedisServer.start();
      const locks = await serviceOf(source(server), { commandTimeout: '2s' });
      await locks.run('warm', () => {});
      await server.kill();
      // The first call may begin a little before it is known that Redis is away.
      await until(() => locks.acquire('n').catch(({ message }: Error) => message.includes('has been away')));
      for (const [, call] of calls) await expect(call(locks)).rejects.toMatchObject(AWAY);
      const since = performance.now();
      await Promise.all(calls.map(([, call]) => expect(call(locks)).rejects.toMatchObject(AWAY)));
      // All of them together take less than one of them took before.
      expect(performance.now() - since).toBeLessThan(2_000);
      await server.restart();
      await until(() => locks.run('n', () => true).catch(() => false), { within: 20_000 });
      expect(locks.lines).toHaveLength(2);
      expect(locks.lines[1]).toMatch(/^Redis answers again, after \d+ ms\.$/);
    },
  );

  it('a wait that began before goes on, and is served', { timeout: 60_000 }, async () => {
    await using server = await RedisServer.start({ persistent: true });
    const locks = await serviceOf(server.url, { commandTimeout: LONG });
    const hasty = await serviceOf(server.url, { commandTimeout: '300ms' });
    for (const each of [locks, hasty]) await each.run('warm', () => {});
    await server.kill();
    const waiting = locks.acquire('n');
    // The first call may begin a little before it is known that Redis is away.
    await until(() => hasty.acquire('n').catch(({ message }: Error) => message.includes('has been away')));
    await expect(hasty.acquire('n')).rejects.toMatchObject(AWAY);
    await server.restart();
    expect((await waiting).held).toBe(true);
  });

  it.each(VERSIONS)(
    'a client that was handed in looks connected: one call at a time finds out ($version)',
    async ({ connect }) => {
      await using server = await RedisServer.start();
      await using network = await Network.before(server);
      const locks = await serviceOf(connect({ port: network.port }), { commandTimeout: '2s' });
      await locks.run('warm', () => {});
      let sent = 0;
      const [connection] = network.forCommands;
      connection?.holdReplies();
      await expect(locks.acquire('a')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE', uncertain: true });
      network.onData = (_, text) => {
        sent += text.includes('acquire ') ? 1 : 0;
      };
      const results = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => locks.tryAcquire(`b${i}`)));
      const atOnce = results.filter(
        (result) => result.status === 'rejected' && /has been away/.test(result.reason.message),
      );
      // The one may be a withdrawal of what was asked for before.
      expect(atOnce.length).toBeGreaterThanOrEqual(19);
      expect(sent).toBeLessThanOrEqual(1);
      connection?.release();
      await until(() => locks.tryAcquire('c').catch(() => null), { describe: 'one that finds it back' });
      expect(await Promise.all(Array.from({ length: 20 }, (_, i) => locks.tryAcquire(`d${i}`)))).not.toContain(null);
      expect(locks.lines).toHaveLength(2);
    },
  );
});
