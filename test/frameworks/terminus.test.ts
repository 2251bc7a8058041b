import { describe, expect, it, onTestFinished } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { App, NEST_VERSIONS } from './support/app.js';

interface Health {
  status: string;
  details: { locks: Record<string, unknown> };
}

async function healthOf({ port }: App): Promise<{ code: number; health: Health }> {
  const response = await fetch(`http://127.0.0.1:${port}/health`);
  return { code: response.status, health: (await response.json()) as Health };
}

describe.each(NEST_VERSIONS)('The health of the locks on Nest %i', (nest) => {
  it('is up while the store answers, whatever is busy, and down when it does not', async () => {
    const server = await RedisServer.start();
    onTestFinished(() => server.stop());
    const namespace = unique('health');
    const app = await App.start('health', nest, { REDIS_URL: server.url, NAMESPACE: namespace });
    const other = await createLockService({ redis: server.url, namespace, shutdownGrace: 0 });
    onTestFinished(() => other.close());
    await other.acquire('health');
    await until(async () => (await healthOf(app)).code === 200);
    expect((await healthOf(app)).health).toMatchObject({
      status: 'ok',
      details: {
        locks: { status: 'up', store: 'redis', latency: expect.any(Number), held: 0, waiting: 0, messages: 'idle' },
      },
    });
    await server.stop();
    await until(async () => (await healthOf(app)).code === 503);
    const { health } = await healthOf(app);
    expect(health).toMatchObject({
      status: 'error',
      details: { locks: { status: 'down', store: 'redis', latency: null, problem: expect.any(String) } },
    });
    expect(JSON.stringify(health)).not.toContain(String(new URL(server.url).port));
  });

  it('is degraded, where Terminus knows that, when a server of a quorum is away', async () => {
    const servers = await Promise.all([1, 2, 3].map(() => RedisServer.start()));
    onTestFinished(async () => void (await Promise.all(servers.map((server) => server.stop()))));
    const quorum = servers.map(({ url }) => url).join(',');
    const app = await App.start('health', nest, { QUORUM: quorum, NAMESPACE: unique('health') });
    await until(async () => (await healthOf(app)).code === 200);
    await servers[2]?.stop();
    const degraded = nest === 12 ? 'degraded' : 'up';
    const isSeen = async (): Promise<boolean> =>
      (await healthOf(app)).health.details.locks.problem === '1 of the 3 servers of the quorum cannot be reached.';
    await until(isSeen);
    const { code, health } = await healthOf(app);
    expect(code).toBe(200);
    expect(health).toMatchObject({
      status: nest === 12 ? 'degraded' : 'ok',
      details: { locks: { status: degraded, store: 'quorum', servers: { reachable: 2, of: 3 } } },
    });
    await servers[1]?.stop();
    await until(async () => (await healthOf(app)).code === 503);
  });
});
