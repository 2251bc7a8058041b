import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { Network } from '../support/network.js';
import { RedisServer } from '../support/redis-server.js';

/** Redis says BUSY until it is killed. */
const ENDLESS = 'while true do end';
/** Longer than an outage is taken to last that nobody looks at. */
const QUIET_MS = 2_200;

async function busy(server: RedisServer): Promise<() => Promise<void>> {
  const admin = server.client();
  const ended = server
    .client()
    .eval(ENDLESS, 0)
    .catch(() => {});
  await until(async () => /^BUSY/.test(await admin.ping().catch(({ message }: Error) => message)));
  return async () => {
    await admin.script('KILL');
    await ended;
  };
}

describe('F25: Redis says "not now"', () => {
  const sources = [
    { of: 'a URL', source: (server: RedisServer) => server.url },
    ...VERSIONS.map(({ version, connect }) => ({
      of: version,
      source: (server: RedisServer) => connect({ port: server.port, enableReadyCheck: false }),
    })),
  ];

  it.each(sources)('BUSY: every call waits until it is over: $of', async ({ source }) => {
    await using server = await RedisServer.start({ args: ['--busy-reply-threshold', '10'] });
    const locks = await serviceOf(source(server), { commandTimeout: '30s' });
    const held = await locks.acquire('held', { ttl: '1h' });
    const end = await busy(server);
    const calls = [
      locks.acquire('job').then((lock) => lock.held),
      locks.tryRun('tried', () => 'ran').then(({ acquired }) => acquired),
      locks.acquire('shared', { mode: 'shared' }).then((lock) => lock.held),
      locks.inspect('held').then(({ holders }) => holders.length === 1),
      held.extend('2h').then(() => held.release()),
    ];
    await end();
    expect(await Promise.all(calls)).toEqual([true, true, true, true, true]);
    expect(locks.lines).toEqual([]);
  });

  it('BUSY for longer than commandTimeout: nothing has run, and both ends are logged', async () => {
    await using server = await RedisServer.start({ args: ['--busy-reply-threshold', '10'] });
    const locks = await serviceOf(server.url, { commandTimeout: '500ms' });
    await locks.run('warm', () => {});
    const end = await busy(server);
    await expect(locks.acquire('job')).rejects.toMatchObject({
      code: 'LOCK_UNAVAILABLE',
      uncertain: false,
      cause: { message: expect.stringMatching(/^BUSY/) },
    });
    await end();
    await until(() => locks.run('job', () => true).catch(() => false));
    expect(locks.lines).toEqual([
      expect.stringMatching(/^Redis has been away for/),
      expect.stringMatching(/^Redis answers again/),
    ]);
  });

  it.each(sources)(
    'BUSY for long, and over before anybody asks again: all who then come are served: $of',
    async (of) => {
      await using server = await RedisServer.start({ args: ['--busy-reply-threshold', '10'] });
      const locks = await serviceOf(of.source(server), { commandTimeout: '500ms' });
      await locks.run('warm', () => {});
      const end = await busy(server);
      await expect(locks.inspect('job')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      await expect(locks.inspect('job')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
      await end();
      // The time is what it is about: what was known of the outage is old by then.
      await setTimeout(QUIET_MS);
      const names = Array.from({ length: 20 }, (_, i) => `job${i}`);
      expect(await Promise.all(names.map((name) => locks.tryAcquire(name)))).not.toContain(null);
      expect(locks.lines).toHaveLength(2);
    },
  );

  it('CLUSTERDOWN: is waited out', async () => {
    const bus = ['--cluster-port', String(await freePort())];
    await using server = await RedisServer.start({ args: ['--cluster-enabled', 'yes', ...bus] });
    const locks = await serviceOf(server.url, { commandTimeout: '30s' });
    const acquiring = locks.acquire('job');
    await server.client().call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    expect((await acquiring).held).toBe(true);
  });

  it('MASTERDOWN: is waited out', async () => {
    await using server = await RedisServer.start({ args: ['--replica-serve-stale-data', 'no'] });
    const admin = server.client();
    const locks = await serviceOf(VERSIONS[0]!.connect({ port: server.port, enableReadyCheck: false }), {
      commandTimeout: '30s',
    });
    await locks.run('warm', () => {});
    await admin.replicaof('127.0.0.1', await freePort());
    const acquiring = locks.acquire('job');
    await admin.replicaof('NO', 'ONE');
    expect((await acquiring).held).toBe(true);
  });

  it('LOADING when it connects: it is asked again soon, whatever Redis thinks how long that takes', async () => {
    await using server = await RedisServer.start();
    await using network = await Network.before(server);
    let asked = 0;
    network.rewrite = (reply) => {
      asked += Number(reply.includes('\r\nloading:'));
      const isLoading = reply.replace('\r\nloading:0', '\r\nloading:1');
      // Of the same length, since the reply says how long it is.
      const says = isLoading.replace('current_save_keys_processed:0', 'loading_eta_seconds:000003600');
      return asked === 1 ? says : reply;
    };
    const locks = await serviceOf(network.url, { commandTimeout: '8s' });
    expect(await locks.run('job', () => 'ran')).toBe('ran');
    expect(asked).toBeGreaterThan(1);
  });
});
