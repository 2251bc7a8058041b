import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { serviceOf, VERSIONS } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network } from '../support/network.js';
import { RedisServer } from '../support/redis-server.js';

const RECONNECT = { reconnectOnError: (error: Error) => error.message.startsWith('READONLY') };

describe('F21: the address of the primary leads to another server, old connections stay on a read-only one', () => {
  let first: RedisServer;
  let second: RedisServer;
  let network: Network;

  beforeEach(async () => {
    const args = ['--repl-diskless-sync-delay', '0'];
    first = await RedisServer.start({ args });
    second = await RedisServer.start({ args: [...args, '--replicaof', '127.0.0.1', String(first.port)] });
    network = await Network.before(first);
    onTestFinished(async () => {
      await network[Symbol.asyncDispose]();
      await first.stop();
      await second.stop();
    });
    await first.replicated(1);
  });

  async function move(): Promise<void> {
    await first.replicated(1);
    await second.client().replicaof('NO', 'ONE');
    network.target = second.port;
    await first.client().replicaof('127.0.0.1', second.port);
  }

  it('our own connection is replaced at once: no call fails, what was held is held, both is logged once', async () => {
    const locks = await serviceOf(network.url, { commandTimeout: '20s' });
    const held = await locks.acquire('held', { ttl: '20s' });
    await locks.run('job', () => {});
    await move();
    const results = await Promise.all([
      locks.run('job', () => 'ran'),
      locks.run('other', { mode: 'shared' }, () => 'ran'),
      locks.tryRun('third', () => 'ran').then((result) => result.acquired && result.value),
      locks.once('fourth', { remember: '1m' }, () => 'ran').then((result) => result.status),
    ]);
    expect(results).toEqual(['ran', 'ran', 'ran', 'ran']);
    expect(held.held && (await held.release())).toBe(true);
    await until(() => locks.lines.length === 2, { describe: 'the end of it to be logged' });
    expect(locks.lines[0]).toMatch(/^Redis answers READONLY.*The connection is replaced/);
    expect(locks.lines[1]).toMatch(/^Redis answers again/);
  });

  it.each(VERSIONS)(
    'of a client that was handed in ($version), a warning names reconnectOnError',
    async ({ connect }) => {
      const locks = await serviceOf(connect({ port: network.port }), { commandTimeout: '1s' });
      await locks.run('job', () => {});
      await move();
      await expect(locks.run('job', () => {})).rejects.toMatchObject({
        code: 'LOCK_UNAVAILABLE',
        uncertain: false,
        cause: { message: expect.stringMatching(/^READONLY/) },
      });
      expect(locks.lines).toEqual([expect.stringMatching(/`?reconnectOnError/)]);
    },
  );

  it.each(VERSIONS)('a client that was handed in with it ($version) moves along', async ({ connect }) => {
    const locks = await serviceOf(connect({ port: network.port, ...RECONNECT }), { commandTimeout: '20s' });
    const held = await locks.acquire('held', { ttl: '20s' });
    await move();
    expect(await locks.run('job', () => 'ran')).toBe('ran');
    expect(await held.release()).toBe(true);
  });

  it('what waits for replicas moves along by itself, also of a client that was handed in', async () => {
    const [{ connect }] = VERSIONS as [(typeof VERSIONS)[0]];
    const client = connect({ port: network.port, ...RECONNECT });
    const locks = await serviceOf(client, { commandTimeout: '20s' });
    await locks.run('job', { replicas: 1 }, () => {});
    await move();
    await second.replicated(1);
    expect(await locks.run('job', { replicas: 1 }, () => 'ran')).toBe('ran');
  });

  it.each(VERSIONS)(
    'a client sends again what was refused, and not the WAIT behind it ($version)',
    async ({ connect }) => {
      const client = connect({
        port: network.port,
        reconnectOnError: (error) => RECONNECT.reconnectOnError(error) && 2,
      });
      const locks = await serviceOf(client, { commandTimeout: '20s' });
      await locks.run('job', { replicas: 1 }, () => {});
      await move();
      await second.replicated(1);
      // The script is known there, so that what is sent again runs.
      await (await serviceOf(second.url)).run('job', () => {});
      expect(await locks.run('job', { replicas: 1 }, () => 'ran')).toBe('ran');
    },
  );
});
