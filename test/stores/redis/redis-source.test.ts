import { Redis, type RedisOptions } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createLockService, type RedisClient, type RedisSource } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { traces } from '../../support/redis-observe.js';
import { connections, exerciseLocks } from '../../support/redis-scenario.js';
import { RedisServer } from '../../support/redis-server.js';
import { inTests } from '../../support/stores.js';

const OPTIONS: [string, RedisOptions][] = [
  ['no options', {}],
  ['lazyConnect', { lazyConnect: true }],
  ['enableOfflineQueue: false', { enableOfflineQueue: false }],
  ['keyPrefix', { keyPrefix: 'app:' }],
  ['keyPrefix with a hash tag', { keyPrefix: '{app}:' }],
  ['stringNumbers', { stringNumbers: true }],
  ['enableAutoPipelining', { enableAutoPipelining: true }],
  ['a database', { db: 3 }],
  ['maxRetriesPerRequest: 0', { maxRetriesPerRequest: 0 }],
  ['maxRetriesPerRequest: null', { maxRetriesPerRequest: null }],
  ['no ready check', { enableReadyCheck: false }],
  ['no resending', { autoResendUnfulfilledCommands: false, autoResubscribe: false }],
  ['RESP2', { protocol: 2 }],
];

/** Only what `RedisClient` asks for, and none of what it may lack. */
function fewMethods(client: Redis): RedisClient {
  return {
    evalsha: (sha, count, ...args) => client.evalsha(sha, count, ...args),
    eval: (script, count, ...args) => client.eval(script, count, ...args),
    subscribe: (channel) => client.subscribe(channel),
    duplicate: () => fewMethods(client.duplicate()),
    connect: () => client.connect(),
    disconnect: () => client.disconnect(),
    on: (event, listener) => client.on(event, listener),
    off: (event, listener) => client.off(event, listener),
  };
}

describe('what Redis is named by', () => {
  /** Services with these sources do all that services do; then they close, and leave nothing but what was theirs not to close. */
  async function exercise(server: RedisServer, sourceOf: () => RedisSource): Promise<void> {
    const admin = server.client();
    const sources = [sourceOf(), sourceOf()];
    const [one, two] = await Promise.all(sources.map((redis) => createLockService({ redis, ...inTests })));
    await exerciseLocks(one!, two!);
    await Promise.all([one!.close(), two!.close()]);
    expect(await traces(admin, '*lock')).toEqual([]);
    const handedIn = sources.filter((source) => source instanceof Redis);
    for (const client of handedIn) expect(await client.ping()).toBe('PONG');
    await until(async () => (await connections(admin)).length === handedIn.length, {
      describe: 'our connections to go',
    });
  }

  it.each(OPTIONS)('a client with %s: is used and stays open', async (_, options) => {
    await using server = await RedisServer.start();
    await exercise(server, () => server.client({ ...options } as object));
  });

  it.each(OPTIONS)('options with %s: the connections are ours and go with the service', async (_, options) => {
    await using server = await RedisServer.start();
    await exercise(server, () => ({ host: '127.0.0.1', port: server.port, ...options }));
  });

  it('a URL', async () => {
    await using server = await RedisServer.start();
    await exercise(server, () => server.url);
  });

  it('a URL with a database: the keys are there', async () => {
    await using server = await RedisServer.start();
    await using service = await createLockService({ redis: `${server.url}/5`, ...inTests });
    await service.acquire('n');
    expect(await traces(server.client({ db: 5 }), 'lock')).toEqual(['lock:{n}']);
    expect(await traces(server.client(), 'lock')).toEqual([]);
  });

  it('the path of a socket', async () => {
    await using server = await RedisServer.start({ args: ['--unixsocket', 'redis.sock'] });
    const client = server.client();
    const [, directory] = (await client.config('GET', 'dir')) as [string, string];
    client.disconnect();
    await exercise(server, () => `${directory}/redis.sock`);
  });

  it('a client with the few methods that the library calls', async () => {
    await using server = await RedisServer.start();
    const clients = [server.client(), server.client()];
    await Promise.all(clients.map((client) => client.ping()));
    const [one, two] = await Promise.all(
      clients.map((client) => createLockService({ redis: fewMethods(client), ...inTests })),
    );
    await exerciseLocks(one!, two!);
    await Promise.all([one!.close(), two!.close()]);
  });

  it('the keyPrefix stands before the keys, and not before the channels', async () => {
    await using server = await RedisServer.start();
    const admin = server.client();
    await using service = await createLockService({
      redis: server.client({ keyPrefix: 'app:' }),
      ...inTests,
    });
    await service.acquire('n');
    expect(await traces(admin, '*')).toEqual(['app:lock:{n}']);
    const channels = await until(async () => {
      const found = (await admin.pubsub('CHANNELS', '*')) as string[];
      return found.length > 0 && found;
    });
    expect(channels).toEqual([expect.stringMatching(/^lock:wake:/)]);
  });

  it('several services may use one client', async () => {
    await using server = await RedisServer.start();
    const client = server.client();
    const warnings: string[] = [];
    const warned = ({ name }: Error): unknown => warnings.push(name);
    process.on('warning', warned);
    const services = await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        createLockService({ redis: client, namespace: `ns${index}`, ...inTests }),
      ),
    );
    const locks = await Promise.all(services.map((service) => service.acquire('n')));
    expect(locks.every(({ held }) => held)).toBe(true);
    await Promise.all(services.map((service) => service.close()));
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    expect(await client.ping()).toBe('PONG');
  });

  it('a service that closes takes all its listeners from the client', async () => {
    await using server = await RedisServer.start();
    const client = server.client();
    const count = () => client.eventNames().map((event) => [event, client.listenerCount(event)]);
    await client.ping();
    const before = count();
    const service = await createLockService({ redis: client, ...inTests });
    await (await service.acquire('n')).release();
    await service.close();
    expect(count()).toEqual(before);
  });
});
