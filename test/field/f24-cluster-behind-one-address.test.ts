import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { RedisServer } from '../support/redis-server.js';

describe('F24: a clustered server behind one address, without a Cluster client', () => {
  let server: RedisServer;
  beforeAll(async () => {
    const bus = ['--cluster-port', String(await freePort()), '--cluster-announce-ip', '127.0.0.1'];
    server = await RedisServer.start({ args: ['--cluster-enabled', 'yes', ...bus] });
    const admin = server.client();
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await until(async () => /cluster_state:ok/.test(String(await admin.call('CLUSTER', 'INFO'))));
  });
  afterAll(() => server?.stop());

  const sources = [
    { of: 'a URL', source: () => server.url },
    ...VERSIONS.map(({ version, connect }) => ({ of: version, source: () => connect({ port: server.port }) })),
  ];

  it.each(sources)(
    'locks of one tick are taken, renewed, waited for and given back, and a warning says what to use: $of',
    async ({ of, source }) => {
      const namespace = of.replace(' ', '-');
      const [locks, other] = [await serviceOf(source(), { namespace }), await serviceOf(source(), { namespace })];
      const names = Array.from({ length: 20 }, (_, i) => `order:${i}`);
      const held = await Promise.all(names.map((name) => locks.acquire(name, { ttl: '2s' })));
      const shared = await Promise.all(names.map((name) => locks.acquire(`s${name}`, { mode: 'shared', permits: 3 })));
      const waiting = names.map((name) => other.run(name, () => 'ran'));
      const client = new Redis(server.port, '127.0.0.1');
      const renewed = async () => Promise.all(names.map((name) => client.pttl(`${namespace}:{${name}}`)));
      let lowest = await renewed();
      await until(
        async () => {
          const now = await renewed();
          const grown = now.every((left, i) => left > (lowest[i] as number));
          lowest = lowest.map((left, i) => Math.min(left, now[i] as number));
          return grown;
        },
        { describe: 'every lease to have been renewed' },
      );
      client.disconnect();
      expect(held.every((lock) => lock.held)).toBe(true);
      expect(await Promise.all([...held, ...shared].map((lock) => lock.release()))).toEqual(Array(40).fill(true));
      expect(await Promise.all(waiting)).toEqual(Array(20).fill('ran'));
      for (const { lines } of [locks, other]) expect(lines).toEqual([expect.stringMatching(/`Cluster` of ioredis/)]);
    },
  );

  it('a keyPrefix that puts all names into one slot lets them travel together, without a warning', async () => {
    const [{ connect }] = VERSIONS as [(typeof VERSIONS)[0]];
    const locks = await serviceOf(connect({ port: server.port, keyPrefix: '{app}:' }));
    const names = Array.from({ length: 20 }, (_, i) => `order:${i}`);
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(names.map((name) => locks.run(name, () => {})));
    }
    expect(locks.lines).toEqual([]);
  });
});
