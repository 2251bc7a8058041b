import { setTimeout } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createLockService, LockModule, type LockModuleOptions, LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';
import { quiet } from '../support/stores.js';

const EVENTS = ['connect', 'ready', 'close', 'end', 'error', 'reconnecting', '-node', '+node', 'message'];

describe('trap 24: the client that was handed in is closed', () => {
  const redis = useRedis();

  const waysToClose: [string, (options: LockModuleOptions) => Promise<void>][] = [
    [
      'close()',
      async (options) => {
        const service = await createLockService(options);
        await work(service);
        await service.close();
      },
    ],
    [
      '`await using`',
      async (options) => {
        await using service = await createLockService(options);
        await work(service);
      },
    ],
    [
      'the shutdown of a Nest application',
      async (options) => {
        const module = { module: class {}, imports: [LockModule.forRoot(options)] };
        const app = await NestFactory.createApplicationContext(module, { logger: false });
        await work(app.get(LockService));
        await app.close();
      },
    ],
  ];

  describe.each(waysToClose)('by %s', (_way, useAndClose) => {
    it('a Redis client that was handed in goes on, as it was', async () => {
      const name = unique('client');
      const client = redis.server.client({ connectionName: name });
      await client.ping();
      const before = listeners(client);

      await useAndClose({ redis: client, namespace: unique('ns'), logger: quiet });

      expect(client.status).toBe('ready');
      expect(await client.ping()).toBe('PONG');
      expect(listeners(client)).toEqual(before);
      await until(async () => (await connectionsNamed(name)) === 1, { describe: 'only the client to be connected' });
    });

    it('the connections that the library opened are closed', async () => {
      const name = unique('own');
      const options = { redis: { host: '127.0.0.1', port: redis.server.port, connectionName: name }, logger: quiet };
      await useAndClose({ ...options, namespace: unique('ns') });
      await until(async () => (await connectionsNamed(name)) === 0, { describe: 'no connection to be left' });
    });
  });

  it('a Cluster client that was handed in goes on, as it was', async () => {
    await using cluster = await RedisCluster.start();
    const client = cluster.client({ redisOptions: { connectionName: 'handed-in' } });
    await client.set('before', 'value');
    const before = listeners(client);

    const service = await createLockService({ redis: client, logger: quiet });
    await work(service);
    await service.close();

    expect(client.status).toBe('ready');
    expect(await client.get('before')).toBe('value');
    expect(listeners(client)).toEqual(before);
  });

  it('two services share a client, and the one goes on when the other is closed', async () => {
    const options = { redis: redis.server.client(), namespace: unique('ns'), logger: quiet };
    await using staying = await createLockService(options);
    const leaving = await createLockService(options);
    await Promise.all([work(staying), work(leaving)]);
    await leaving.close();
    await work(staying);
  });

  it('a client that the application closed first does not disturb', async () => {
    const client = redis.server.client();
    const service = await createLockService({ redis: client, namespace: unique('ns'), logger: quiet });
    await work(service);
    await client.quit();
    await expect(service.acquire('late')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await service.close();
  });

  it('a service that is closed while Redis is away does not come back with it', async () => {
    await using server = await RedisServer.start();
    const connectionName = unique('own');
    const service = await createLockService({ redis: { port: server.port, connectionName }, logger: quiet });
    await work(service);
    await server.kill();
    await service.close();
    await server.restart();
    const client = server.client();
    await client.ping();
    await setTimeout(500);
    expect(await client.client('LIST')).not.toContain(connectionName);
  });

  async function connectionsNamed(name: string): Promise<number> {
    const list = (await redis.client.client('LIST')) as string;
    return list.split('\n').filter((line) => line.includes(` name=${name} `)).length;
  }
});

/** Makes the service open all the connections that it needs. */
async function work(service: LockService): Promise<void> {
  const name = unique('lock');
  const lock = await service.acquire(name);
  const next = service.run(name, async () => {});
  await lock.release();
  await next;
}

function listeners(client: Redis | Cluster): Record<string, number> {
  return Object.fromEntries(EVENTS.map((event) => [event, client.listenerCount(event)]));
}
