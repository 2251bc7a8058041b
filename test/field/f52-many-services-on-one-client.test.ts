import { describe, expect, it } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';

const SERVICES = 20;
const EVENTS = ['connect', 'ready', 'close', 'end', 'error', 'reconnecting', '-node', '+node', 'message'];

describe('F52: many services share a client that was handed in', () => {
  const redis = useRedis();

  type Client = { listenerCount(event: string): number };
  const counts = (client: Client) => EVENTS.map((event) => client.listenerCount(event));

  async function exercise(client: Client & { eval: unknown }): Promise<void> {
    const warnings: Error[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    const before = counts(client);
    const services = await Promise.all(
      Array.from({ length: SERVICES }, (_, i) => serviceOf(client as never, { namespace: `many${i}` })),
    );
    expect(await Promise.all(services.map((locks) => locks.run('job', () => 'ran')))).toEqual(
      Array(SERVICES).fill('ran'),
    );
    const more = counts(client).map((count, i) => count - (before[i] as number));
    expect(Math.max(...more)).toBe(1);

    await services[0]?.close();
    const rest = services.slice(1);
    expect(await Promise.all(rest.map((locks) => locks.run('job', () => 'ran')))).toEqual(
      Array(SERVICES - 1).fill('ran'),
    );
    await Promise.all(rest.map((locks) => locks.close()));
    expect(counts(client)).toEqual(before);
    await new Promise(setImmediate);
    process.off('warning', hear);
    expect(warnings.filter(({ name }) => name === 'MaxListenersExceededWarning')).toEqual([]);
  }

  it.each(VERSIONS)(
    'each event has one listener of ours, and none with the last of them ($version)',
    async ({ connect }) => {
      const client = connect({ port: redis.server.port });
      await client.ping();
      await exercise(client);
      expect(await client.ping()).toBe('PONG');
    },
  );

  it('a Cluster, too', async () => {
    await using cluster = await RedisCluster.start();
    const client = cluster.client();
    await client.set('n', 1);
    await exercise(client);
  });

  it.each(VERSIONS)('all that are left hear of a reconnection ($version)', async ({ connect }) => {
    const client = connect({ port: redis.server.port });
    const services = await Promise.all([0, 1, 2].map((i) => serviceOf(client, { namespace: `left${i}` })));
    await Promise.all(services.map((locks) => locks.run('job', () => {})));
    await services[0]?.close();
    const held = await Promise.all(services.slice(1).map((locks) => locks.acquire('held')));
    await redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for (const locks of services.slice(1))
      expect(await until(() => locks.run('job', () => 'ran').catch(() => ''))).toBe('ran');
    expect(await Promise.all(held.map((lock) => lock.release()))).toEqual([true, true]);
  });
});
