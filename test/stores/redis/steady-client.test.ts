import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLockService, type RedisClient, type RedisSource } from '../../../lib/index.js';
import { Connection } from '../../../lib/stores/redis/connection.js';
import { steadyClient } from '../../../lib/stores/redis/steady-client.js';
import { until } from '../../support/event.js';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis-server.js';
import { quiet } from '../../support/stores.js';

/** A server that takes each connection and breaks it off; says when. */
async function breakingServer(port = 0): Promise<{ port: number; connections: number[] }> {
  const connections: number[] = [];
  const server = net.createServer((socket) => {
    connections.push(performance.now());
    socket.on('error', () => {}).resetAndDestroy();
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as net.AddressInfo).port, connections };
}

describe('A connection of the service', () => {
  afterEach(() => void vi.useRealTimers());

  it('hears every error of its socket, of which TLS may have several, also when it was given up', async () => {
    const server = await RedisServer.start();
    onTestFinished(() => server.stop());
    const client = steadyClient(() => new Redis(server.url, { lazyConnect: true }) as unknown as RedisClient);
    client.on('error', () => {});
    await client.info?.('server');
    const { stream } = client as unknown as { stream: net.Socket };
    client.disconnect();
    for (const error of ['first', 'second']) expect(() => stream.emit('error', new Error(error))).not.toThrow();
  });

  it('is tried again within a second, however long Redis has been away, unless its options say otherwise', async () => {
    const delaysOf = async (redis: RedisSource): Promise<number[]> => {
      const connection = await Connection.open(redis, quiet);
      onTestFinished(() => connection.close());
      const { retryStrategy } = (connection.client as unknown as Redis).options;
      return Array.from({ length: 20 }, (_, index) => Number(retryStrategy?.(index + 1)));
    };
    const port = await freePort();
    for (const delay of await delaysOf(`redis://127.0.0.1:${port}`)) expect(delay).toBeLessThanOrEqual(600);
    expect(await delaysOf({ port, retryStrategy: () => 7_000 })).toContain(7_000);
  });

  it('is made anew when ioredis has planned it, and not before', async () => {
    const { port, connections } = await breakingServer();
    const redis = { host: '127.0.0.1', port, retryStrategy: () => 150 };
    await using locks = await createLockService({ redis, commandTimeout: 300, logger: quiet });
    await until(() => connections.length >= 10);
    const [first = 0] = connections;
    // Those of one connection; that for messages is not asked for yet.
    expect(connections.length - 1).toBeLessThanOrEqual((performance.now() - first) / 140);
    expect(locks).toBeDefined();
  });

  it('is not made any more once the service is closed', async () => {
    const port = await freePort();
    let planned = 0;
    const retryStrategy = (): number => {
      planned += 1;
      return 200;
    };
    const locks = await createLockService({ redis: { host: '127.0.0.1', port, retryStrategy }, logger: quiet });
    await until(() => planned > 0);
    await locks.close();
    const { connections } = await breakingServer(port);
    await sleep(500);
    expect(connections).toEqual([]);
  });

  it('comes back under fake timers, when the server does', async () => {
    await using server = await RedisServer.start();
    await using locks = await createLockService({ redis: server.url, logger: quiet });
    await locks.run('a', () => {});
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'Date'],
    });
    await server.kill();
    const run = locks.run('b', () => {});
    await server.restart();
    await run;
  });
});
