import { Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  LockModule,
  type LockModuleOptions,
  LockOptionsError,
  MemoryLockStore,
} from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

const SECRET = 'hunter2';
const address = { host: `${SECRET}.example`, port: 6379, password: SECRET };
const url = `redis://shop:${SECRET}@redis.example:6379`;
const withMethods = (...methods: string[]) => Object.fromEntries(methods.map((method) => [method, () => {}]));

/** What somebody writes, and what the refusal has to say. */
const WRONG: [what: string, redis: unknown, says: RegExp][] = [
  ['the options of node-redis with a URL', { url }, /`url`.*redis:\/\//],
  ['the options of node-redis with a socket', { socket: address, password: SECRET }, /`socket`.*host/],
  ['the options of BullMQ', { connection: address }, /`connection`.*host/],
  ['the options of BullMQ with a client', { connection: new Redis5({ lazyConnect: true }) }, /`connection`.*host/],
  ['the options of Bull', { redis: address }, /`redis`, which.*host/],
  ['a URI', { uri: url }, /`uri`.*redis:\/\//],
  ['a connection string', { connectionString: url }, /`connectionString`.*redis:\/\//],
  ['the options of a Nest module for Redis', { config: address }, /`config`.*host/],
  ['the options of a Nest microservice', { transport: 1, options: address }, /`options`.*host/],
  ['the options of a store for a cache', { store: withMethods('get', 'set'), url, ttl: 5 }, /`url`.*redis:\/\//],
  ['the nodes of a Cluster', { nodes: [address] }, /`nodes`.*new Cluster/],
  ['one node', { node: address }, /`node`.*new Cluster/],
  ['the nodes of a Cluster of node-redis', { rootNodes: [{ url }] }, /`rootNodes`.*new Cluster/],
  ['a hostname', { hostname: SECRET, port: 6379 }, /`hostname`.*host/],
  ['a host in another spelling', { Host: SECRET, port: 6379 }, /`Host`.*host/],
  ['a hostname in another spelling', { hostName: SECRET, port: 6379 }, /`hostName`.*host/],
  ['a host that is undefined', { host: undefined, port: 6379, password: SECRET }, /`host` is undefined/],
  ['a host that is null', { host: null, port: 6379 }, /`host` is null/],
  ['a host that is empty', { host: '', port: 6379, password: SECRET }, /`host` is an empty string/],
  ['a host that is no string', { host: [SECRET], port: 6379 }, /`host` is an array/],
  ['a host that is a URL', { host: url }, /URL as `host`/],
  ['a host that is made of nothing', { host: String(undefined), port: 6379 }, /"undefined"/],
  ['a port that is undefined', { port: undefined }, /`port` is undefined/],
  ['a port that is no number', { host: 'redis.example', port: Number.NaN }, /`port`/],
  ['a port that is too high', { host: 'redis.example', port: 70_000 }, /`port`/],
  ['a port that is a word', { host: 'redis.example', port: 'redis' }, /`port`/],
  ['a path that is undefined', { path: undefined }, /`path` is undefined/],
  ['no server', { password: SECRET, db: 2 }, /without a server.*host/],
  ['nothing', {}, /without a server.*host/],
  ['no Sentinel', { sentinels: [], name: 'main' }, /`sentinels`/],
  ['Sentinels without a name', { sentinels: [address] }, /`name`/],
  ['a Sentinel without a host', { sentinels: [{ host: undefined, port: 26_379 }], name: 'main' }, /`sentinels\[0\]`/],
  ['a URL of no host', 'redis://', /without a host/],
  ['a URL of a password and no host', `redis://:${SECRET}@`, /without a host/],
  ['a URL whose host is undefined', `redis://:${SECRET}@${undefined}:6379`, /"undefined"/],
  ['a URL whose host is null', `rediss://${null}/0`, /"null"/],
  ['an empty string', '', /empty string/],
  ['blanks', '  ', /empty string/],
  ['no URL', `${SECRET}:6379`, /neither a URL/],
  ['a number', 6379, /a number/],
  ['true', true, /a boolean/],
  ['a class', Redis, /a function/],
  ['an array', [url], /an array/],
  ['an object of URL', new URL(url), /url\.href/],
  ['a promise of a client', Promise.resolve({}), /await/],
  ['a client of node-redis', { isOpen: false, ...withMethods('sendCommand', 'evalSha', 'connect') }, /node-redis/],
  ['an old client of node-redis', withMethods('evalsha', 'eval', 'subscribe', 'duplicate', 'on', 'off'), /connect\(\)/],
  ['a client of HTTP', withMethods('evalsha', 'eval', 'subscribe'), /duplicate\(\)/],
  ['an object of another class', new MemoryLockStore(), /MemoryLockStore/],
  ['a Map', new Map([['host', SECRET]]), /Map/],
];

/** What connects to where it says, or is connected. */
const RIGHT: [what: string, redis: () => LockModuleOptions['redis']][] = [
  ['a URL', () => 'redis://127.0.0.1:1'],
  ['a URL of IPv6', () => 'redis://[::1]:1/2'],
  ['a URL with TLS', () => 'rediss://user:x@127.0.0.1:1'],
  ['a socket', () => '/nowhere/redis.sock'],
  ['{ host, port }', () => ({ host: '127.0.0.1', port: 1, password: 'x', db: 2, lazyConnect: true })],
  ['{ host }', () => ({ host: '127.0.0.1', port: undefined, lazyConnect: true })],
  ['{ port }', () => ({ port: 1 })],
  ['a port of digits', () => ({ host: '127.0.0.1', port: '1' as unknown as number })],
  ['{ path }', () => ({ path: '/nowhere/redis.sock', host: undefined, port: undefined })],
  ['{ sentinels }', () => ({ sentinels: [{ host: '127.0.0.1', port: 1 }], name: 'main' })],
  ['options with a property of the application', () => ({ host: '127.0.0.1', port: 1, ...{ ttl: 5, url: undefined } })],
  ['an object of a class', () => new (class Settings { host = '127.0.0.1'; port = 1; })()], // biome-ignore format: one line
  ['a client of ioredis 6', () => new Redis({ port: 1, lazyConnect: true })],
  ['a client of ioredis 5', () => new Redis5({ port: 1, lazyConnect: true })],
  ['a Cluster', () => new Cluster5([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true })],
];

async function refusal(attempt: () => unknown): Promise<LockOptionsError> {
  const error = await Promise.resolve()
    .then(attempt)
    .then(
      () => new Error('It was accepted'),
      (thrown: unknown) => thrown,
    );
  expect(error).toBeInstanceOf(LockOptionsError);
  return error as LockOptionsError;
}

describe('What is no Redis for ioredis is refused, with what to write', () => {
  it.each(WRONG)('%s', async (_what, redis, says) => {
    const options = { redis } as LockModuleOptions;
    const quorum = { quorum: [url, redis, 'redis://b'] } as LockModuleOptions;
    const async = LockModule.forRootAsync({ useFactory: () => options });
    for (const { message } of [
      await refusal(() => LockModule.forRoot(options)),
      await refusal(() => createLockService(options)),
      await refusal(() => TestApp.start({ imports: [async] })),
    ]) {
      expect(message).toMatch(says);
      expect(message).toMatch(/`redis`/);
      expect(message).not.toContain(SECRET);
    }
    const { message } = await refusal(() => createLockService(quorum));
    expect(message).not.toContain(SECRET);
    expect(message).toMatch(/`quorum(\[1\])?`/);
  });
});

describe('What ioredis understands is accepted', () => {
  it.each(RIGHT)('%s', async (_what, redisOf) => {
    const logger = { warn: () => {}, error: () => {} };
    const redis = redisOf();
    const options: LockModuleOptions = { redis, commandTimeout: 50, logger };
    expect(LockModule.forRoot(options)).toMatchObject({ module: LockModule });
    const service = await createLockService(options);
    onTestFinished(() => service.close());
    if (redis && typeof redis === 'object' && 'disconnect' in redis) (redis as Redis).disconnect();
  });
});
