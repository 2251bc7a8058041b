import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, LockModule, type LockModuleOptions, type RedisSource } from '../../lib/index.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { TestApp } from '../support/nest.js';
import { unique } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { setUser } from '../support/redis-rule.js';
import { RedisSentinel } from '../support/redis-sentinel.js';
import { RedisServer } from '../support/redis-server.js';
import { Evidence, PASSWORD, USER } from '../support/secrets.js';

const ALL = ['reset', 'on', `>${PASSWORD}`, '~*', '&*', '+@all'];
const LOGIN = { username: USER, password: PASSWORD };

/** The ways to name one server. */
const WAYS: [string, (port: number) => RedisSource][] = [
  ['a URL', (port) => `redis://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`],
  ['options', (port) => ({ host: '127.0.0.1', port, ...LOGIN })],
  [
    'a client',
    (port) => {
      const client = new Redis({ host: '127.0.0.1', port, ...LOGIN });
      client.on('error', () => {});
      clients.push(client);
      return client;
    },
  ],
];
const clients: { disconnect(): void }[] = [];

describe('no password, and no URL with one, is in what is logged or thrown', () => {
  afterAll(() => {
    for (const client of clients) client.disconnect();
  });

  const open = (redis: RedisSource, { logger }: Evidence, namespace = unique('ns')) =>
    createLockService({ redis, namespace, commandTimeout: '500ms', shutdownGrace: 0, logger });

  describe.each(WAYS)('of one server, named by %s', (way, sourceOf) => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server?.stop());
    const rule = async (...words: string[]): Promise<void> => setUser(server.client(), USER, words);

    it.each([
      ['the password is wrong', ['reset', 'on', '>another', '~*', '&*', '+@all'], /WRONGPASS/],
      ['the user is switched off', ['reset', 'off'], /WRONGPASS/],
      ['nothing is allowed', ['reset', 'on', `>${PASSWORD}`], /NOPERM|no permissions/],
      ['scripts are not allowed', [...ALL, '-@scripting'], /NOPERM|no permissions/],
      ['the keys are not allowed', [...ALL, 'resetkeys', '~other:*'], /NOPERM|no permissions/],
      ['a command in the script is not allowed', [...ALL, '-set', '-exists'], /NOPERM|no permissions|can't run/],
      ['the channels are not allowed', [...ALL, 'resetchannels', '-exists'], /cannot be subscribed|can't run/],
    ] as [string, string[], RegExp][])('when %s', async (_, words, says) => {
      await rule(...words);
      using evidence = new Evidence();
      await using service = await open(sourceOf(server.port), evidence);
      await evidence.rejectAll(service);
      const said = [...evidence.logger.lines, ...evidence.errors.map(({ message, cause }) => `${message} ${cause}`)];
      // Of a client that was handed in we do not hear why it cannot connect.
      if (way !== 'a client') expect(said.join('\n')).toMatch(says);
      expect(evidence.leaks()).toEqual([]);
    });

    it('when it is away', async () => {
      using evidence = new Evidence();
      await using service = await open(sourceOf(await freePort()), evidence);
      await evidence.rejectAll(service);
      expect(evidence.leaks()).toEqual([]);
    });

    it('when it does not answer, and when it is gone while locks are held and waited for', async () => {
      await rule(...ALL);
      using evidence = new Evidence();
      await using own = await RedisServer.start();
      await setUser(own.client(), USER, ALL);
      await using service = await open(sourceOf(own.port), evidence, 'ns');
      await using other = await open(sourceOf(own.port), evidence, 'ns');
      const lock = await service.acquire('held', { ttl: '1s' });
      const waiting = evidence.reject(other.acquire('held', { wait: '1m' }));
      await until(() => own.client().hlen('ns:{held}:waiter'), { describe: 'a waiter' });
      const run = evidence.reject(service.run('body', { ttl: '1s' }, ({ signal }) => until(() => signal.aborted)));
      await until(() => own.client().exists('ns:{body}'), { describe: 'a body that runs' });
      await own.pause();
      await evidence.rejectAll(service);
      own.resume();
      await own.kill();
      await evidence.rejectAll(service);
      await Promise.all([waiting, run]);
      await until(() => lock.signal.aborted, { describe: 'the loss' });
      evidence.errors.push(lock.signal.reason as Error);
      await evidence.reject(lock.extend());
      expect(evidence.leaks()).toEqual([]);
    });

    it('when the connection, or the service, is closed', async () => {
      await rule(...ALL);
      using evidence = new Evidence();
      const source = sourceOf(server.port);
      const service = await open(source, evidence);
      await (await service.acquire('warm')).release();
      if (source instanceof Redis) {
        source.disconnect();
        await until(() => source.status === 'end', { describe: 'the end of the client' });
        await evidence.rejectAll(service);
      }
      await service.close();
      await evidence.reject(service.acquire('n'));
      expect(evidence.leaks()).toEqual([]);
    });
  });

  describe('of Sentinel', () => {
    let group: RedisSentinel;
    beforeAll(async () => {
      group = await RedisSentinel.start();
    });
    afterAll(() => group?.stop());

    const sourceOf = (more: RedisOptions = {}): RedisOptions => ({
      ...{ sentinels: group.addresses, name: group.name, ...LOGIN },
      ...{ sentinelUsername: USER, sentinelPassword: PASSWORD, ...more },
    });
    const rules = (words: string[], servers: RedisServer[]) =>
      Promise.all(servers.map((server) => setUser(server.client(), USER, words)));

    it.each([
      ['the Sentinels know another password', ['reset', 'on', '>another', '+@all'], ALL, {}],
      ['the Sentinels allow nothing', ['reset', 'on', `>${PASSWORD}`], ALL, {}],
      ['the primary knows another password', ALL, ['reset', 'on', '>another', '+@all'], {}],
      ['the primary allows nothing', ALL, ['reset', 'on', `>${PASSWORD}`], {}],
      ['the Sentinels know no such primary', ALL, ALL, { name: 'another' }],
      ['the Sentinels are away', ALL, ALL, { sentinels: [{ host: '127.0.0.1', port: 1 }] }],
    ] as [string, string[], string[], RedisOptions][])('when %s', async (_, sentinels, primary, more) => {
      await rules(sentinels, group.sentinels);
      await rules(primary, [group.primary]);
      using evidence = new Evidence();
      await using service = await open(sourceOf(more), evidence);
      await evidence.rejectAll(service);
      expect(evidence.logger.lines.length + evidence.errors.length).toBeGreaterThan(0);
      expect(evidence.leaks()).toEqual([]);
    });
  });

  describe('of a Cluster', () => {
    let cluster: RedisCluster;
    beforeAll(async () => {
      cluster = await RedisCluster.start();
    });
    afterAll(() => cluster?.stop());

    it.each([
      ['the password is wrong', ['reset', 'on', '>another', '~*', '&*', '+@all'], false],
      ['nothing is allowed', ['reset', 'on', `>${PASSWORD}`], false],
      ['scripts are not allowed', [...ALL, '-@scripting'], false],
      ['its nodes are away', ALL, true],
    ])('when %s', async (_, words, isAway) => {
      for (const node of cluster.nodes) await setUser(node.client(), USER, words);
      using evidence = new Evidence();
      const clusterRetryStrategy = (): number => 50;
      const client = cluster.client({ redisOptions: LOGIN, clusterRetryStrategy });
      if (isAway) for (const node of cluster.nodes) await node.kill();
      await using service = await open(client, evidence);
      await evidence.rejectAll(service);
      expect(evidence.leaks()).toEqual([]);
    });
  });

  const url = `redis://${USER}:${PASSWORD}@127.0.0.1`;
  describe('of options that cannot work', () => {
    async function expectHarmless(options: unknown): Promise<void> {
      using evidence = new Evidence();
      const bare = await evidence.reject(createLockService(options as LockModuleOptions));
      const asynchronous = LockModule.forRootAsync({ useFactory: () => options as LockModuleOptions });
      const nest = await evidence.reject(TestApp.start({ imports: [asynchronous] }));
      expect(evidence.leaks()).toEqual([]);
      expect([bare, nest]).toMatchObject([{ code: 'LOCK_OPTIONS' }, { code: 'LOCK_OPTIONS' }]);
    }

    it.each([
      ['a URL instead of options', url],
      ['another protocol', { redis: url.replace('redis', 'http') }],
      ['an object for a URL', { redis: new URL(`redis://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1`) }],
      ['a list of URLs', { redis: [url] }],
      ['a URL as the store', { store: url }],
      ['options as the store', { store: { url } }],
      ['both', { redis: url, store: 'memory' }],
      ['an unknown option', { redis: url, url }],
    ] as [string, unknown][])('%s: LOCK_OPTIONS, with Nest and without', async (_, options) => {
      await expectHarmless(options);
    });

    const login = `${USER}:${encodeURIComponent(PASSWORD)}`;
    it.each([
      ['no host', `redis://${login}@`],
      ['a port that is none', `redis://${login}@127.0.0.1:port`],
      ['a slash in the password that is not escaped', `redis://${USER}:slash/${PASSWORD}@127.0.0.1`],
      ['an escape in the password that is none', `redis://${USER}:%ZZ@127.0.0.1`],
    ])('a URL that ioredis cannot read, %s: LOCK_OPTIONS, with Nest and without', async (_, redis) => {
      await expectHarmless({ redis });
    });
  });
});
