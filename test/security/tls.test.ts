import type { Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLockService, type RedisSource } from '../../lib/index.js';
import { Certificates } from '../support/certificates.js';
import { Child } from '../support/child.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { unique } from '../support/redis.js';
import { everyCall, hears, recordingLogger, unavailable } from '../support/redis-observe.js';
import { documentedRule, setUser } from '../support/redis-rule.js';
import { exerciseLocks } from '../support/redis-scenario.js';
import { RedisServer } from '../support/redis-server.js';
import { quiet } from '../support/stores.js';

const NAMESPACE = 'shop';

describe('Redis with TLS, a password and users', () => {
  let certificates: Certificates;
  let others: Certificates;
  let server: RedisServer;
  let admin: Redis;
  let port: number;
  const clients: Redis[] = [];
  beforeAll(async () => {
    [certificates, others] = await Promise.all([Certificates.make(), Certificates.make()]);
    port = await freePort();
    server = await RedisServer.start({ args: [...certificates.serverArgs(port), '--requirepass', 'default'] });
    admin = server.client({ password: 'default' });
    await setUser(admin, 'app', documentedRule(NAMESPACE));
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    await server?.stop();
    for (const each of [certificates, others]) await each?.[Symbol.asyncDispose]();
  });

  const url = (password = 'secret') => `rediss://app:${password}@localhost:${port}`;
  const options = (more: RedisOptions = {}): RedisOptions => {
    return { host: 'localhost', port, username: 'app', password: 'secret', tls: { ca: certificates.ca }, ...more };
  };
  const client = (password?: string, ca = certificates.ca): Redis => {
    const opened = new Redis(url(password), { tls: { ca } });
    // ioredis hears only the first error of a socket; a second one, such as the alert of the server, would be uncaught.
    opened.on('error', () => void (opened as unknown as { stream?: Socket }).stream?.on('error', () => {}));
    clients.push(opened);
    return opened;
  };
  const open = (redis: RedisSource, namespace = NAMESPACE) => createLockService({ redis, namespace, logger: quiet });

  it('is what this server is: without TLS or without the password nothing is answered', async () => {
    await expect(server.client({ enableReadyCheck: false }).ping()).rejects.toThrow('NOAUTH');
    const plain = new Redis({ port, retryStrategy: () => null, maxRetriesPerRequest: 0 });
    plain.on('error', () => {});
    await expect(plain.ping()).rejects.toThrow();
  });

  it.each([
    ['options', () => options()],
    ['a client', () => client()],
  ] as [string, () => RedisSource][])('two services with %s do all that services do', async (_, sourceOf) => {
    await using one = await open(sourceOf());
    await using two = await open(sourceOf());
    await exerciseLocks(one, two);
  });

  it.each([
    ['options', () => options()],
    ['a client', () => client()],
  ] as [string, () => RedisSource][])(
    'waiters are woken: the second connection of %s has the same',
    async (_, sourceOf) => {
      await using one = await open(sourceOf());
      await using two = await open(sourceOf());
      const name = unique('lock');
      const lock = await one.acquire(name, { ttl: '1m' });
      const waiting = two.acquire(name, { wait: '1m' });
      // Its message would be heard: both connections are with this server.
      await until(() => hears(admin, `${NAMESPACE}:{${name}}`), { describe: 'a waiter that hears' });
      const users = String(await admin.client('LIST', 'TYPE', 'PUBSUB')).match(/ user=\S+/g);
      expect(users).toEqual([' user=app', ' user=app']);
      await lock.release();
      expect(await (await waiting).release()).toBe(true);
    },
  );

  it('a URL alone is enough where the process trusts the authority', async () => {
    const trusting = { NODE_EXTRA_CA_CERTS: certificates.caFile };
    await using child = await Child.start({ redis: url(), namespace: NAMESPACE, commandTimeout: '5s' }, trusting);
    expect(await child.call('acquire', { name: unique('lock') })).toMatchObject({ fencingToken: expect.any(Number) });
  });

  it.each([
    ['an authority that we do not trust, in options', () => options({ tls: { ca: others.ca } })],
    ['an authority that we do not trust, in a client', () => client('secret', others.ca)],
    ['an authority that nobody named, with a URL', () => url()],
    ['a wrong password, in options', () => options({ password: 'wrong' })],
    ['a wrong password, in a client', () => client('wrong')],
    ['no password', () => ({ host: 'localhost', port, tls: { ca: certificates.ca } })],
    ['another user', () => options({ username: 'other' })],
    ['a certificate for another host', () => options({ tls: { ca: certificates.ca, servername: 'elsewhere' } })],
    ['no TLS', () => ({ host: 'localhost', port, username: 'app', password: 'secret' })],
  ] as [string, () => RedisSource][])('%s: there is no lock, and nobody is said to hold it', async (_, sourceOf) => {
    const logger = recordingLogger();
    const redis = sourceOf();
    await using service = await createLockService({ redis, namespace: NAMESPACE, commandTimeout: '500ms', logger });
    let ran = false;
    const calls = everyCall(service, () => {
      ran = true;
    });
    await Promise.all(calls.map(({ call }) => unavailable(call())));
    expect(ran).toBe(false);
    // A client that was handed in has its own listeners.
    if (!(redis instanceof Redis)) expect(logger.lines).toEqual([expect.stringContaining('Redis cannot be reached')]);
  });
});
