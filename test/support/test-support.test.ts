import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { until } from './event.js';
import { memoryRegister, redisRegister } from './guarded-register.js';
import { ownDirectory, pauseProcess, removeDirectory } from './processes.js';
import { unique, useRedis } from './redis.js';
import { RedisCluster } from './redis-cluster.js';
import { RedisSentinel } from './redis-sentinel.js';
import { RedisServer } from './redis-server.js';
import { TcpProxy } from './tcp-proxy.js';

describe('until', () => {
  it('returns the first truthy answer', async () => {
    const answers = [0, undefined, 'yes'];
    expect(await until(() => answers.shift())).toBe('yes');
  });

  it('says what it waited for', async () => {
    await expect(until(() => false, { describe: 'the moon', within: 20 })).rejects.toThrow('the moon');
  });
});

describe('RedisServer', () => {
  it('starts, is killed, and comes back empty on the same port', async () => {
    await using server = await RedisServer.start();
    const client = server.client();
    await client.set('key', 'value');
    const { pid } = server;
    await server.kill();
    expect(server.running).toBe(false);
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await client.get('key')).toBeNull();
  });

  it('keeps its data when it is persistent', async () => {
    await using server = await RedisServer.start({ persistent: true });
    const client = server.client();
    await client.set('key', 'value');
    await server.restart();
    expect(await client.get('key')).toBe('value');
  });

  it('stands still while it is paused', async () => {
    await using server = await RedisServer.start();
    const client = server.client();
    await client.ping();
    await server.pause();
    const answer = client.ping();
    await expect(server.client({ commandTimeout: 50 }).ping()).rejects.toThrow('timed out');
    server.resume();
    expect(await answer).toBe('PONG');
  });

  it('gives a user of the ACL no more than its rights', async () => {
    await using server = await RedisServer.start({ acl: ['app on >secret ~lock:* +get +ping'] });
    const client = server.client({ username: 'app', password: 'secret', enableReadyCheck: false });
    expect(await client.get('lock:key')).toBeNull();
    await expect(client.get('other')).rejects.toThrow('NOPERM');
    await expect(client.set('lock:key', 1)).rejects.toThrow('NOPERM');
    expect(await server.client().set('any', 'value')).toBe('OK');
  });

  it('says why it did not start', async () => {
    await expect(RedisServer.start({ args: ['--no-such-option', '1'] })).rejects.toThrow('no-such-option');
  });

  it('dies when it is stopped, with its clients', async () => {
    const server = await RedisServer.start();
    const client = server.client();
    await client.ping();
    await server.stop();
    expect(() => process.kill(server.pid, 0)).toThrow('ESRCH');
    await expect(client.ping()).rejects.toThrow('Connection is closed');
  });
});

describe('RedisCluster', () => {
  it('serves every slot', async () => {
    await using cluster = await RedisCluster.start();
    const client = cluster.client();
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((key) => client.set(key, key)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
    const counts = await Promise.all(cluster.nodes.map((node) => node.client().dbsize()));
    expect(counts.every((count) => count > 0)).toBe(true);
  });

  it('moves a slot with its keys, and fails over to a replica', async () => {
    await using cluster = await RedisCluster.start({ replicas: 1 });
    const client = cluster.client();
    await Promise.all([client.set('{a}1', 1), client.set('{a}2', 2)]);
    const slot = await cluster.slotOf('{a}1');
    const owner = await cluster.ownerOf(slot);
    const target = cluster.nodes.find((node) => node !== owner)!;
    await cluster.migrateSlot(slot, target);
    expect(await cluster.ownerOf(slot)).toBe(target);
    expect(await client.mget('{a}1', '{a}2')).toEqual(['1', '2']);
    expect(await target.client().dbsize()).toBe(2);

    // The connection that writes last is the one that WAIT waits for.
    const direct = target.client();
    expect(await direct.set('{a}1', 3)).toBe('OK');
    expect(await direct.wait(1, 0)).toBe(1);
    const promoted = await cluster.failover(target);
    expect(cluster.nodes.indexOf(promoted)).toBeGreaterThanOrEqual(3);
    expect(await cluster.ownerOf(slot)).toBe(promoted);
    expect(await client.mget('{a}1', '{a}2')).toEqual(['3', '2']);
  });
});

describe('RedisSentinel', () => {
  it('promotes a replica when the primary is killed, and its clients and the other replica follow', async () => {
    await using group = await RedisSentinel.start();
    const client = group.client();
    await client.set('key', 'value');
    expect(await client.wait(2, 0)).toBe(2);
    const { primary: old, replicas } = group;
    await group.failover();
    expect(replicas).toContain(group.primary);
    expect(group.replicas.map(({ running }) => running)).toEqual([true, false]);
    expect(group.replicas[1]).toBe(old);
    expect(await client.get('key')).toBe('value');
    await client.set('key', 'other');
    expect(await client.wait(1, 0)).toBe(1);
  });

  it('holds the writes back from the replicas, or from one, until they may follow again', async () => {
    await using group = await RedisSentinel.start();
    const client = group.client();
    const [one, two] = group.replicas.map((replica) => replica.client());
    await group.holdBack([group.replicas[0]!]);
    await client.set('key', 1);
    await until(() => two!.get('key'));
    expect(await one!.get('key')).toBeNull();
    await group.replicate();
    await until(() => one!.get('key'));

    await group.holdBack();
    await client.set('key', 2);
    await group.failover();
    expect(await group.primary.client().get('key')).toBe('1');
  });
});

describe('TcpProxy', () => {
  const redis = useRedis();

  it('runs a request, swallows its reply and resets the client', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const key = unique('counter');
    const client = redis.server.client({ port: proxy.port, maxRetriesPerRequest: 0 });
    await client.ping();
    const reset = proxy.resetAfterNextRequest('incr');
    await expect(client.incr(key)).rejects.toThrow();
    await reset;
    expect(await redis.client.get(key)).toBe('1');
    expect(await client.incr(key)).toBe(2);
  });

  it('lets a client send a command twice', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const key = unique('counter');
    const client = redis.server.client({ port: proxy.port });
    await client.ping();
    void proxy.resetAfterNextRequest('incr');
    expect(await client.incr(key)).toBe(2);
  });

  it('holds replies, not requests', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const key = unique('key');
    const client = redis.server.client({ port: proxy.port });
    await client.ping();
    proxy.holdReplies();
    const answer = client.set(key, 'value');
    await proxy.heldReply();
    expect(await redis.client.get(key)).toBe('value');
    proxy.release();
    expect(await answer).toBe('OK');
  });

  it('holds requests', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const key = unique('key');
    const client = redis.server.client({ port: proxy.port });
    await client.ping();
    proxy.holdRequests();
    const seen = proxy.seen('SET');
    const answer = client.set(key, 'x'.repeat(1_000_000));
    expect(await seen).toContain(key);
    expect(await redis.client.exists(key)).toBe(0);
    proxy.release();
    expect(await answer).toBe('OK');
    expect(await redis.client.strlen(key)).toBe(1_000_000);
  });

  it('refuses connections and resets open ones', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const client = redis.server.client({ port: proxy.port, maxRetriesPerRequest: 0 });
    await client.ping();
    const errors: string[] = [];
    client.on('error', (error: NodeJS.ErrnoException) => errors.push(String(error.code)));
    proxy.refuseConnections();
    expect(await client.ping()).toBe('PONG');
    proxy.resetAll();
    await until(() => errors.includes('ECONNREFUSED'));
    await proxy.acceptConnections();
    await until(() => client.status === 'ready');
    expect(await client.ping()).toBe('PONG');
  });
});

describe('a guarded register', () => {
  const redis = useRedis();

  it.each([
    ['memory', () => memoryRegister()],
    ['Redis', () => redisRegister(redis.client, unique('register'))],
  ])('in %s refuses old tokens and counts who is in', async (_where, create) => {
    const register = create();
    expect(await register.enter(5)).toBe(true);
    expect(await register.enter(9)).toBe(true);
    expect(await register.write(7)).toBe(false);
    expect(await register.write(9)).toBe(true);
    await register.leave(5);
    expect(await register.enter(10)).toBe(true);
    expect(await register.report()).toEqual({ accepted: [5, 9, 9, 10], refused: [7], inside: [9, 10], maxInside: 2 });
  });
});

describe('the reaper', () => {
  it('ends processes, paused or not, and removes directories once its input ends', async () => {
    const victims = ['running', 'paused'].map(() => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']));
    const exits = victims.map((victim) => once(victim, 'exit'));
    await once(victims[1]!, 'spawn');
    await pauseProcess(victims[1]!.pid!);
    const [directory, forgotten] = [await ownDirectory(), await ownDirectory()];
    const reaper = spawn(process.execPath, [fileURLToPath(new URL('./reaper.mjs', import.meta.url))]);
    const lines = [...victims.map(({ pid }) => `+${pid}`), `+${directory}`, `+${forgotten}`, `-${forgotten}`];
    reaper.stdin.end(lines.join('\n'));
    await once(reaper, 'exit');
    expect(await Promise.all(exits)).toEqual(victims.map(() => [null, 'SIGKILL']));
    expect([existsSync(directory), existsSync(forgotten)]).toEqual([false, true]);
    await removeDirectory(forgotten);
  });
});
