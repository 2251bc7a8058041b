import { describe, expect, it } from 'vitest';
import { Child, type Exit } from '../../support/child.js';
import { until } from '../../support/event.js';
import { freePort } from '../../support/free-port.js';
import { unique, useRedis } from '../../support/redis.js';
import { RedisServer } from '../../support/redis-server.js';

/** How the process ended; `within` only bounds a failing test. */
async function end(child: Child): Promise<Exit> {
  await until(() => !child.running, { describe: 'the end of the process', within: 15_000 });
  return child.exit;
}

const BY_ITSELF: Exit = { code: 0, signal: null };

/** A process that has nothing more to do than what its lock service keeps it for. */
describe('a process that uses locks and forgets to close the service', () => {
  const redis = useRedis();

  it.each(['after it took and released a lock', 'while it holds one', 'after it only looked'])(
    'ends by itself: %s',
    async (when) => {
      await using child = await Child.start({ redis: redis.url, namespace: unique('ns') });
      if (when.endsWith('looked')) await child.call('inspect', { name: 'n' });
      else await child.call('acquire', { name: 'n' });
      if (when.endsWith('released a lock')) await child.call('release', { id: 'n' });
      await child.call('detach');
      expect(await end(child)).toEqual(BY_ITSELF);
      expect(child.output).toBe('');
    },
  );

  it('does not end as long as it waits for a lock', async () => {
    const namespace = unique('ns');
    await using holder = await Child.start({ redis: redis.url, namespace });
    await using child = await Child.start({ redis: redis.url, namespace });
    await holder.call('acquire', { name: 'n' });
    child.call('acquire', { name: 'n', options: { wait: '1m' } });
    await child.call('detach');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(child.running).toBe(true);
    await holder.call('release', { id: 'n' });
    await end(child); // how does not matter: it fails to tell us about its lock
    expect(await redis.client.exists(`${namespace}:{n}`)).toBe(1);
  });

  it('does not end as long as a command is under way', async () => {
    await using server = await RedisServer.start();
    await using child = await Child.start({ redis: server.url, commandTimeout: '1m' });
    await child.call('inspect', { name: 'n' });
    await server.pause();
    child.call('acquire', { name: 'n' });
    await child.call('detach');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(child.running).toBe(true);
    server.resume();
    await end(child);
    expect(await server.client().exists('lock:{n}')).toBe(1);
  });

  it('ends although Redis hangs, once commandTimeout is over', async () => {
    await using server = await RedisServer.start();
    await using child = await Child.start({ redis: server.url, commandTimeout: '2s' });
    await child.call('inspect', { name: 'n' });
    await server.pause();
    await expect(child.call('inspect', { name: 'n' })).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await child.call('detach');
    expect(await end(child)).toEqual(BY_ITSELF);
  });

  it('ends although Redis has gone', async () => {
    await using server = await RedisServer.start();
    await using child = await Child.start({ redis: server.url, commandTimeout: '2s' });
    await child.call('acquire', { name: 'n' });
    await server.kill();
    await child.call('detach');
    expect(await end(child)).toEqual(BY_ITSELF);
  });

  it('ends once it is closed, also when Redis never came', async () => {
    const redis = `redis://127.0.0.1:${await freePort()}`;
    await using child = await Child.start({ redis, commandTimeout: '1h' });
    child.call('acquire', { name: 'n' });
    await child.call('close');
    await child.call('detach');
    expect(await end(child)).toEqual(BY_ITSELF);
  });
});
