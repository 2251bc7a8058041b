import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createLockService, type LockModuleOptions } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import { everyCall, recordingLogger, unavailable } from '../../support/redis-observe.js';
import { RedisServer } from '../../support/redis-server.js';

const PASSWORD = 'ru55ian-d0lls';
const commandTimeout = 500;
/** Loaded in no less than six seconds, with a delay of 200 µs each. */
const KEYS = 30_000;

/** Every call is unavailable with this cause, and no body runs. */
async function expectUnavailable(options: Partial<LockModuleOptions>, cause: RegExp): Promise<void> {
  await using service = await createLockService({
    commandTimeout,
    logger: recordingLogger(),
    ...options,
  } as LockModuleOptions);
  let ran = false;
  const calls = everyCall(service, () => {
    ran = true;
  });
  const errors = await Promise.all(calls.map(({ call }) => unavailable(call())));
  for (const error of errors) expect((error.cause as Error).message).toMatch(cause);
  expect(ran).toBe(false);
}

describe('the server does not let us in', () => {
  const acl = [`default on >${PASSWORD} ~* &* +@all`, `app on >${PASSWORD} ~* &* +@all`];
  const cases: [string, (server: RedisServer) => string, RegExp][] = [
    ['no password is given (NOAUTH)', (server) => server.url, /^NOAUTH/],
    ['the password is wrong (WRONGPASS)', (server) => server.urlAs('app', `${PASSWORD}-wrong`), /^WRONGPASS/],
    ['the user is unknown (WRONGPASS)', (server) => server.urlAs('nobody', PASSWORD), /^WRONGPASS/],
  ];

  it.each(cases)('every call is unavailable with the cause: %s', async (_, urlOf, cause) => {
    await using server = await RedisServer.start({ acl });
    await expectUnavailable({ redis: urlOf(server) }, cause);
  });

  it.each(cases)('neither an error nor the log shows the password or the address: %s', async (_, urlOf) => {
    await using server = await RedisServer.start({ acl });
    const logger = recordingLogger();
    await using service = await createLockService({ redis: urlOf(server), commandTimeout, logger });
    const error = await unavailable(service.acquire('n'));
    const shown = [error.message, String(error.stack), inspect(error, { depth: null }), ...logger.lines].join('\n');
    expect(logger.lines).toHaveLength(1);
    expect(shown).not.toContain(PASSWORD);
    expect(shown).not.toContain('redis://');
  });

  it('a user that is removed while we are connected is locked out, and let in again', async () => {
    await using server = await RedisServer.start({ acl });
    const admin = server.client({ password: PASSWORD });
    const logger = recordingLogger();
    await using service = await createLockService({ redis: server.urlAs('app', PASSWORD), commandTimeout, logger });
    await (await service.acquire('n')).release();
    await admin.call('ACL', 'DELUSER', 'app');
    const error = await unavailable(service.acquire('n'));
    expect(inspect(error, { depth: null })).not.toContain(PASSWORD);
    await admin.call('ACL', 'SETUSER', 'app', 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
    const lock = await until(() => service.acquire('n').catch(() => undefined));
    expect(await lock.release()).toBe(true);
    expect(logger.lines.join('\n')).not.toContain(PASSWORD);
  });
});

describe('the server is loading its data (LOADING)', () => {
  it.each([
    ['is waited for', true, undefined],
    ['is told as the cause, where the client does not look', false, /^LOADING/],
  ])('that %s; nothing is locked before', async (_, enableReadyCheck, cause) => {
    await using server = await RedisServer.start({ persistent: true, args: ['--key-load-delay', '200'] });
    const admin = server.client({ enableReadyCheck: false });
    const pipeline = admin.pipeline();
    for (let index = 0; index < KEYS; index += 1) pipeline.set(`k${index}`, '');
    await pipeline.exec();
    const restarted = server.restart();
    restarted.catch(() => {});
    await until(async () => (await admin.info('persistence')).includes('loading:1'), { describe: 'LOADING' });

    const redis = { host: '127.0.0.1', port: server.port, enableReadyCheck };
    await using service = await createLockService({ redis, commandTimeout: '2s', logger: recordingLogger() });
    const error = await unavailable(service.acquire('n'));
    if (cause) expect((error.cause as Error).message).toMatch(cause);
    expect(error.uncertain).toBe(false);

    await admin.config('SET', 'key-load-delay', '0');
    await restarted;
    const lock = await until(() => service.acquire('n').catch(() => undefined));
    expect(await lock.release()).toBe(true);
  });
});

describe('the Cluster serves no slots (CLUSTERDOWN)', () => {
  it('every call through a plain client is unavailable with the cause', async () => {
    await using server = await RedisServer.start({ args: ['--cluster-enabled', 'yes'] });
    await expectUnavailable({ redis: server.url }, /^CLUSTERDOWN/);
  });

  it('every call through a Cluster client is unavailable when a node is gone, and works again when it is back', async () => {
    await using cluster = await RedisCluster.start();
    const redis = cluster.client();
    await using service = await createLockService({ redis, commandTimeout, logger: recordingLogger() });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) await (await service.acquire(name)).release();
    const tryAll = async (): Promise<unknown[]> => {
      const outcomes = await Promise.allSettled(names.map((name) => service.tryAcquire(name)));
      for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value?.release();
      return outcomes
        .filter(({ status }) => status === 'rejected')
        .map((outcome) => (outcome as PromiseRejectedResult).reason);
    };
    await cluster.nodes[0]!.kill();
    const errors = await tryAll();
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await cluster.nodes[0]!.restart();
    await until(async () => (await tryAll()).length === 0, { within: 20_000 });
  });
});
