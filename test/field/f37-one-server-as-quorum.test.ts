import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLockService, type LockModuleOptions, type LockService, type RedisSource } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique } from '../support/redis.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import { RedisServer } from '../support/redis-server.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const TTL_MS = 1_000;
const REFUSED = { code: 'LOCK_OPTIONS' };
const UNAVAILABLE = { code: 'LOCK_UNAVAILABLE' };

describe('F37: one server under several addresses of a quorum', () => {
  let servers: RedisQuorum;
  let one: RedisServer;
  let two: RedisServer;
  let three: RedisServer;
  const proxies: TcpProxy[] = [];
  const services: LockService[] = [];
  let namespace: string;
  let warnings: string[];
  // They have a vote only after some seconds. Each test leaves them all running.
  beforeAll(async () => {
    servers = await RedisQuorum.start(3);
    [one, two, three] = servers.servers as [RedisServer, RedisServer, RedisServer];
    await servers.up(2);
  });
  beforeEach(() => {
    namespace = unique('ns');
    warnings = [];
  });
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
    for (const proxy of proxies.splice(0)) proxy.stop();
  });
  afterAll(() => servers.stop());

  async function service(quorum: readonly RedisSource[], more: LockModuleOptions = {}): Promise<LockService> {
    const logger = { warn: (message: string) => void warnings.push(message), error: () => {} };
    const options = { quorum, namespace, defaults: { ttl: TTL_MS }, commandTimeout: '3s', logger, ...more } as const;
    const made = await createLockService(options);
    services.push(made);
    return made;
  }

  async function proxyOf(server: { port: number }): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(server);
    proxies.push(proxy);
    return proxy;
  }

  const said = (text: RegExp) => warnings.filter((warning) => text.test(warning));
  const held = async (): Promise<boolean> => (await one.client().exists(`${namespace}:{job}`)) === 1;

  const addresses: [string, RegExp, () => RedisSource[]][] = [
    [
      'three URLs',
      // On a busy machine one of them may not be connected yet.
      /1, 2 and 3|[12] and [23]/,
      () => {
        const { port } = one;
        return [`redis://127.0.0.1:${port}`, `redis://localhost:${port}`, `redis://127.0.0.1:${port}/0`];
      },
    ],
    ['two of three URLs', /1 and 3/, () => [one.url, two.url, `redis://localhost:${one.port}`]],
    ['two databases', /2 and 3/, () => [two.url, `${one.url}/1`, `${one.url}/2`]],
    ['options and a URL', /1 and 2/, () => [{ port: one.port, db: 1 }, one.url, two.url]],
    ['clients', /1 and 2/, () => [one.client(), one.client(), two.client()]],
    ['clients with lazyConnect', /1 and 3/, () => [one.client({ lazyConnect: true }), two.client(), one.client()]],
    [
      'two of five',
      /3 and 4/,
      () => [one.url, two.url, three.url, { port: three.port, host: 'localhost' }, 'redis://127.0.0.1:1'],
    ],
  ];
  it.each(addresses)('%s: nobody is granted a lock, and every call says which', async (_, positions, quorumOf) => {
    const locks = await service(quorumOf());
    const never = (): never => expect.unreachable();
    const calls: (() => Promise<unknown>)[] = [
      () => locks.acquire('job'),
      () => locks.tryAcquire('job'),
      () => locks.run('job', never),
      () => locks.tryRun('job', never),
      () => locks.once('job', { remember: '1m' }, never),
      () => locks.acquire(['job', 'other'], { wait: 0 }),
      () => locks.acquire('job', { mode: 'shared', permits: 2 }),
      () => locks.inspect('job'),
      () => locks.forget('job'),
      () => locks.requestRelease('job'),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ ...REFUSED, message: expect.stringMatching(positions) });
    }
    expect(await held()).toBe(false);
  });

  it('shows no password', async () => {
    await one.client().call('ACL', 'SETUSER', 'app', 'on', '>hidden', '~*', '&*', '+@all');
    const url = one.urlAs('app', 'hidden');
    const locks = await service([url, one.url, two.url]);
    const error = await locks.acquire('job').catch((reason: Error) => reason);
    expect(error).toMatchObject(REFUSED);
    expect(`${(error as Error).message} ${(error as Error).stack} ${warnings.join()}`).not.toContain('hidden');
  });

  it('that could not be reached at first: refused as soon as it can, where nothing was granted', async () => {
    const proxy = await proxyOf(one);
    proxy.refuseConnections();
    const away = await proxyOf(two);
    away.refuseConnections();
    const locks = await service([one.url, proxy.url, away.url], { commandTimeout: '500ms' });
    await expect(locks.acquire('job')).rejects.toMatchObject(UNAVAILABLE);
    await proxy.acceptConnections();
    await until(() => locks.acquire('job').catch(({ code }) => code === REFUSED.code), {
      describe: 'the refusal',
    });
    expect(await held()).toBe(false);
  });

  it('that turns out to be one later: it votes once, a warning says so once, and once that it is over', async () => {
    const network = await proxyOf(three);
    const locks = await service([one.url, two.url, network.url]);
    const lock = await locks.acquire('job', { ttl: TTL_MS });
    network.leadTo(one);
    network.resetAll();
    await until(() => said(/1 and 3/).length > 0, { describe: 'the warning' });
    expect(await locks.run('job 2', () => 'ran')).toBe('ran');
    expect(await lock.release()).toBe(true);

    // Its two addresses are no majority.
    const last = await locks.acquire('job');
    const { signal } = last;
    await two.kill();
    await expect(locks.acquire('job 3')).rejects.toMatchObject(UNAVAILABLE);
    await until(() => signal.aborted, { describe: 'the loss' });
    network.resetAll();
    await expect(locks.acquire('job 3')).rejects.toMatchObject(UNAVAILABLE);

    await two.restart();
    network.leadTo(three);
    network.resetAll();
    await until(() => said(/1 and 3.*again/).length > 0, { describe: 'the end of it' });
    await until(() => locks.run('job', () => true).catch(() => false), { describe: 'a lock' });
    expect(said(/1 and 3/)).toHaveLength(2);
  });

  it('that comes back as another one while a lock is held: its second address adds no vote to a renewal', async () => {
    const network = await proxyOf(three);
    const locks = await service([one.url, two.url, network.url]);
    const lock = await locks.acquire('job', { renew: false, ttl: TTL_MS });
    await until(() => three.client().exists(`${namespace}:{job}`));
    network.leadTo(one);
    network.resetAll();
    await until(() => said(/1 and 3/).length > 0, { describe: 'the warning' });
    // Most servers have it no more, though it is found under most addresses.
    await two.client().del(`${namespace}:{job}`);
    await expect(lock.extend()).rejects.toMatchObject(UNAVAILABLE);
  });
});
