import { describe, expect, it } from 'vitest';
import type { LockService } from '../../lib/index.js';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network } from '../support/network.js';
import { useRedis } from '../support/redis.js';
import { hears } from '../support/redis-observe.js';

describe('F20: the connection for messages is cut off silently', () => {
  const redis = useRedis();

  /** A waiter of which the server knows that it hears messages; then it is granted the lock. */
  async function handOver(holder: LockService, waiter: LockService, key: string, options: object): Promise<void> {
    const held = await holder.acquire('job', options);
    const waiting = waiter.acquire('job', { wait: '1m', ...options });
    await until(() => hears(redis.client, key), { describe: 'a waiter that hears', within: 20_000 });
    await held.release();
    await (await waiting).release();
  }

  const sources = [
    { of: 'a URL', source: (network: Network) => network.url },
    ...VERSIONS.map(({ version, connect }) => ({
      of: `a client of ${version}`,
      source: (network: Network) => connect({ port: network.port }),
    })),
  ];

  describe.each(sources)('of $of', ({ source }) => {
    it.each([false, true])(
      'it is replaced, and that is logged once; waiters are served meanwhile (the server has noticed: %s)',
      { timeout: 40_000 },
      async (noticed) => {
        await using network = await Network.before(redis.server);
        const namespace = `half-open${Math.random()}`;
        const key = `${namespace}:{job}`;
        const holder = await serviceOf(redis.url, { namespace });
        const waiter = await serviceOf(source(network), { namespace });
        await handOver(holder, waiter, key, { ttl: '5s' });

        for (const connection of network.forMessages) connection.hole({ noticed });
        // It is served however long that takes, and then hears again.
        const held = await holder.acquire('job', { ttl: '5s' });
        const waiting = waiter.acquire('job', { wait: '30s', ttl: '5s' });
        await until(async () => (await holder.inspect('job')).waiting.length === 1, { describe: 'a waiter' });
        await held.release();
        await (await waiting).release();
        await until(() => waiter.lines.length === 2, { describe: 'the end of it to be logged' });
        await handOver(holder, waiter, key, { ttl: '5s' });
        expect(waiter.lines).toEqual([
          expect.stringMatching(/^Messages of Redis do not arrive \(/),
          expect.stringMatching(/^Messages of Redis arrive again, after \d+ ms\.$/),
        ]);
        expect(holder.lines).toEqual([]);
      },
    );
  });

  it('nothing is sent to find out as long as nobody waits', { timeout: 30_000 }, async () => {
    await using network = await Network.before(redis.server);
    let probes = 0;
    network.onData = (_, text) => {
      probes += text.includes('probe ') ? 1 : 0;
    };
    const locks = await serviceOf(network.url, { namespace: 'idle' });
    await locks.run('job', () => {});
    await until(() => probes === 1, { describe: 'the probe of a new connection' });
    await new Promise((resolve) => setTimeout(resolve, 6_500));
    expect(probes).toBe(1);
    const holder = await serviceOf(redis.url, { namespace: 'idle' });
    const held = await holder.acquire('job');
    const waiting = locks.acquire('job');
    await until(() => probes > 1, { describe: 'another probe' });
    await held.release();
    await (await waiting).release();
  });
});
