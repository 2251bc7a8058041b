import { describe, expect, it } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network } from '../support/network.js';
import { useRedis } from '../support/redis.js';

describe('F26: something on the way hangs up on INFO', () => {
  const redis = useRedis();

  const sources = [
    { of: 'options', source: ({ port }: Network) => ({ host: '127.0.0.1', port, enableReadyCheck: false }) as never },
    ...VERSIONS.map(({ version, connect }) => ({
      of: version,
      source: ({ port }: Network) => connect({ port, enableReadyCheck: false, maxRetriesPerRequest: null }),
    })),
  ];

  it.each(sources)(
    'it is asked once for a connection, three times in all, and locks work: $of',
    async ({ of, source }) => {
      await using network = await Network.before(redis.server);
      let looks = 0;
      network.onData = (connection, text) => {
        if (!/\r\ninfo\r\n/.test(text)) return;
        looks += 1;
        connection.reset();
      };
      const locks = await serviceOf(source(network), { namespace: `info-${of.replace(' ', '-')}` });
      for (let connection = 1; connection <= 5; connection += 1) {
        expect(await locks.run('job', () => 'ran')).toBe('ran');
        await until(() => looks >= Math.min(connection, 3), { describe: 'a look' });
        const before = network.all.length;
        for (const open of network.forCommands) open.reset();
        await until(() => network.all.length > before, { describe: 'another connection' });
      }
      expect(await locks.run('job', () => 'ran')).toBe('ran');
      expect(looks).toBe(3);
      expect(locks.lines.join('\n')).not.toMatch(/eviction/);
    },
  );

  it('where it is answered, it is asked once for good, and its connection goes', async () => {
    await using network = await Network.before(redis.server);
    let looks = 0;
    network.onData = (_, text) => {
      looks += /\r\ninfo\r\n.*memory/s.test(text) ? 1 : 0;
    };
    const locks = await serviceOf(network.url);
    await locks.inspect('n');
    await until(() => looks === 1 && network.open.length === 1, { describe: 'only the connection for commands' });
    network.reset();
    await until(() => locks.inspect('n').catch(() => undefined));
    expect(looks).toBe(1);
  });
});
