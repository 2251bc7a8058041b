import { describe, expect, it } from 'vitest';
import type { LockService } from '../../lib/index.js';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { useRedis } from '../support/redis.js';
import { callsOf } from '../support/redis-observe.js';
import { ShardingProxy } from '../support/sharding-proxy.js';

/** What such a proxy does not know, the client must not ask for. */
const PLAIN = { enableReadyCheck: false, disableClientInfo: true };

describe('F8: a proxy that spreads the keys over several servers', () => {
  const [one, two] = [useRedis(), useRedis()];

  /** Each service locks a name of its own beside the common one, in the same tick. Returns how often both had it. */
  async function heldTwice(services: readonly LockService[], options: object): Promise<number> {
    let twice = 0;
    for (let round = 0; round < 12; round += 1) {
      const tries = services.map(async (locks, i) => {
        const names = [`${i}:first:${round}`, `${i}:second:${round}`, `both:${round}`];
        const results = await Promise.all(names.map((name) => locks.tryAcquire(name, options)));
        return results[2] !== null;
      });
      if ((await Promise.all(tries)).every(Boolean)) twice += 1;
    }
    return twice;
  }

  describe.each(VERSIONS)('with $version', ({ connect }) => {
    it.each([
      { told: 'is told of it', oneNamePerCall: true, warnings: 0 },
      { told: 'is told nothing', oneNamePerCall: undefined, warnings: 1 },
    ])('no name is held twice, by a service that $told', async ({ oneNamePerCall, warnings }) => {
      await using proxy = await ShardingProxy.before([one.client, two.client]);
      const open = (namespace: string) =>
        serviceOf(connect({ port: proxy.port, ...PLAIN }), { namespace, oneNamePerCall, commandTimeout: '2s' });
      const namespace = `n${Math.random()}`;
      const services = [await open(namespace), await open(namespace)];
      expect(await heldTwice(services, { ttl: '30s' })).toBe(0);
      expect(await heldTwice(services, { ttl: '30s', mode: 'shared', permits: 1 })).toBe(0);
      for (const { lines } of services) {
        await until(() => lines.filter((line) => line.includes('oneNamePerCall')).length === warnings);
      }
    });
  });

  it('an ordinary server is found to be one, and names travel together from then on', async () => {
    const locks = await serviceOf(one.url);
    const names = Array.from({ length: 16 }, (_, index) => `n${index}`);
    await until(
      async () => {
        await Promise.all(names.map((name) => locks.inspect(name)));
        const before = await callsOf(one.client, 'evalsha');
        await Promise.all(names.map((name) => locks.inspect(name)));
        return (await callsOf(one.client, 'evalsha')) - before === 1;
      },
      { describe: 'one call for all names' },
    );
    expect(locks.lines).toEqual([]);
    await until(async () => (await one.client.keys('*:topology:*')).length === 0, { describe: 'no mark to be left' });
  });

  it('a user who may not look gets the locks that its rights allow, and no warning', async () => {
    const rules = ['on', '>secret', '~field:*', '&*', '+@all', '-exists', '-del'];
    await one.client.call('ACL', 'SETUSER', 'app', ...rules);
    const locks = await serviceOf(one.server.urlAs('app', 'secret'));
    await expect(locks.inspect('n')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    expect(locks.lines).toEqual([]);
  });
});
