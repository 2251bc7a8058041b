import { describe, expect, it, onTestFinished } from 'vitest';
import { createLockService, type LockService } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { unique } from '../../support/redis.js';
import { RedisSentinel } from '../../support/redis-sentinel.js';
import { RedisServer } from '../../support/redis-server.js';
import { quiet } from '../../support/stores.js';

const REMEMBER = { remember: '1h' } as const;

describe('A mark survives what its store survives:', () => {
  it.each([
    [true, 'done'],
    [false, 'ran'],
  ])('the restart of a server that is persistent: %s; then the work is %s', async (persistent, status) => {
    await using server = await RedisServer.start({ persistent });
    const locks = await createLockService({ redis: server.url, logger: quiet });
    onTestFinished(() => locks.close());
    await locks.once('invoice', REMEMBER, () => {});
    await server.restart();
    expect(await statusOf(locks)).toBe(status);
  });

  it('a fail-over, where replicas were asked to have it', async () => {
    await using group = await RedisSentinel.start();
    const locks = await createLockService({
      redis: { sentinels: group.addresses, name: group.name },
      namespace: unique('ns'),
      logger: quiet,
      defaults: { replicas: 2 },
    });
    onTestFinished(() => locks.close());
    expect((await locks.once('invoice', REMEMBER, () => {})).status).toBe('ran');
    await group.failover();
    expect(await statusOf(locks, { replicas: 0 })).toBe('done');
  });
});

/** As soon as the server is reached again. */
function statusOf(locks: LockService, options: { replicas?: number } = {}): Promise<string> {
  const attempt = (): Promise<string | undefined> =>
    locks
      .once('invoice', { ...REMEMBER, ...options }, () => {})
      .then(
        ({ status }) => status,
        () => undefined,
      );
  return until(attempt, { describe: 'an answer' });
}
