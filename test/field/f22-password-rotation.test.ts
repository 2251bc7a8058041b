import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { useRedis } from '../support/redis.js';
import { hears } from '../support/redis-observe.js';

describe('F22: the application writes the next password into the options of its client', () => {
  const redis = useRedis();

  async function rotate(clients: Redis[], user: string, password: string): Promise<void> {
    await redis.client.call('ACL', 'SETUSER', user, 'resetpass', `>${password}`);
    for (const { options } of clients) options.password = password;
    await redis.client.call('CLIENT', 'KILL', 'USER', user);
  }

  it.each(VERSIONS)(
    'the connection for messages follows ($version)',
    { timeout: 30_000 },
    async ({ connect, version }) => {
      const user = version.replace(' ', '');
      await redis.client.call('ACL', 'SETUSER', user, 'on', '>first', '~*', '&*', '+@all');
      const clients = [0, 1].map(() => connect({ port: redis.server.port, username: user, password: 'first' }));
      const namespace = `rotated${user}`;
      const [holder, waiter] = await Promise.all(clients.map((client) => serviceOf(client, { namespace })));
      for (const password of ['second', 'third']) {
        const held = await until(() => holder!.acquire('job').catch(() => undefined));
        const waiting = waiter!.acquire('job', { wait: '1m' });
        await until(() => hears(redis.client, `${namespace}:{job}`), { describe: 'a waiter that hears' });
        await rotate(clients, user, password);
        await until(
          async () =>
            ((await redis.client.call('CLIENT', 'LIST')) as string).match(new RegExp(`user=${user} `, 'g'))?.length ===
            4,
          {
            describe: 'all connections, with the new password',
          },
        );
        await until(() => hears(redis.client, `${namespace}:{job}`), { describe: 'a waiter that hears again' });
        await held.release();
        await (await waiting).release();
      }
      // Whoever changes passwords as usual reads nothing of it.
      expect(waiter!.lines.filter((line) => line.includes('Messages'))).toEqual([]);
    },
  );

  it('so does the one that waits for replicas', async () => {
    const [{ connect }] = VERSIONS as [(typeof VERSIONS)[0]];
    await redis.client.call('ACL', 'SETUSER', 'lane', 'on', '>first', '~*', '&*', '+@all');
    const client = connect({ port: redis.server.port, username: 'lane', password: 'first' });
    const locks = await serviceOf(client, { namespace: 'lane', commandTimeout: '300ms' });
    const copies = () => locks.acquire('n', { replicas: 1, wait: 0 }).catch(({ problem }) => problem);
    const none = '0 of the 1 replicas that `replicas` asks for have the lock';
    expect(await copies()).toBe(none);
    await rotate([client], 'lane', 'second');
    await until(async () => (await copies()) === none, { describe: 'the connection to be there again' });
  });
});
