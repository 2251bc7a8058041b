import { describe, expect, it } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network } from '../support/network.js';
import { useRedis } from '../support/redis.js';
import { hears } from '../support/redis-observe.js';

describe('F23: a quota of connections admits the one for commands, and not the one for messages', () => {
  const redis = useRedis();

  const sources = [
    { of: 'a URL', source: (network: Network) => network.url },
    ...VERSIONS.map(({ version, connect }) => ({
      of: `a client of ${version}`,
      source: (network: Network) => connect({ port: network.port }),
    })),
  ];

  it.each(sources)(
    'a warning says so, locks work, and messages come once there is room: $of',
    { timeout: 40_000 },
    async ({ of, source }) => {
      await using network = await Network.before(redis.server);
      network.limit = 1;
      const namespace = `quota ${of}`.replaceAll(' ', '-');
      const holder = await serviceOf(redis.url, { namespace });
      const waiter = await serviceOf(source(network), { namespace, commandTimeout: '2s' });
      const lock = await holder.acquire('job');
      const waiting = waiter.acquire('job', { wait: '1m' });
      await until(() => waiter.lines.length > 0, { describe: 'the warning' });
      expect(waiter.lines[0]).toMatch(/^Messages of Redis do not arrive \(.*a limit of connections/);
      await lock.release();
      await (await waiting).release();

      network.limit = Number.POSITIVE_INFINITY;
      const held = await holder.acquire('job');
      const next = waiter.acquire('job', { wait: '1m' });
      await until(() => hears(redis.client, `${namespace}:{job}`), { describe: 'a waiter that hears', within: 20_000 });
      await held.release();
      await (await next).release();
      expect(waiter.lines).toHaveLength(2);
      expect(waiter.lines[1]).toMatch(/^Messages of Redis arrive again/);
    },
  );
});
