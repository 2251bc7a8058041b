import { afterEach, describe, expect, it } from 'vitest';
import { createLockService, type LockService, type ObservedService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { Recorder } from './recorder.js';

const quiet = { warn: (): void => {}, error: (): void => {} };

describe('The troubles that an observer is told of', () => {
  const redis = useRedis();
  const services: LockService[] = [];
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  it('are a server that does not answer, and that it answers again', async () => {
    await using server = await RedisServer.start();
    const recorder = new Recorder();
    const locks = await createLockService({
      redis: server.url,
      logger: quiet,
      observer: recorder.observer,
      instance: 'me',
      commandTimeout: '1s',
    });
    services.push(locks);
    await (await locks.acquire('door')).release();
    await server.pause();
    await expect(locks.acquire('door', { wait: 0 })).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    await until(() => recorder.happened().includes('degraded'));
    expect(recorder.last('degraded')).toEqual({
      what: 'connection',
      instance: 'me',
      why: expect.stringContaining('Redis'),
    });
    expect(recorder.last('unavailable')).toMatchObject({ name: 'door', why: expect.any(String) });
    expect(await locks.health({ timeout: 100 })).toMatchObject({ status: 'down', store: 'redis' });
    server.resume();
    await until(() => recorder.happened().includes('restored'));
    expect(recorder.last('restored')).toMatchObject({ what: 'connection', lasted: expect.any(Number) });
  });

  it('are messages that do not arrive, which is known as soon as anybody waits', async () => {
    const namespace = unique('trouble');
    const user = unique('deaf');
    await redis.client.call('ACL', 'SETUSER', user, 'on', '>pass', '~*', '+@all', 'resetchannels');
    const url = redis.url.replace('redis://', `redis://${user}:pass@`);
    const recorder = new Recorder();
    let service: ObservedService | undefined;
    const observer = {
      ...recorder.observer,
      start: (started: ObservedService): void => {
        service = started;
      },
    };
    const locks = await createLockService({ redis: url, namespace, logger: quiet, observer });
    const others = await createLockService({ redis: redis.url, namespace });
    services.push(locks, others);
    expect(service).toMatchObject({ store: 'redis', messagesProven: undefined });
    const lock = await others.acquire('door');
    const waiting = locks.acquire('door');
    await until(() => service?.messagesProven === false);
    await until(() => recorder.happened().includes('degraded'));
    expect(recorder.last('degraded')).toMatchObject({ what: 'messages' });
    expect((await locks.health()).status).toBe('degraded');
    await redis.client.call('ACL', 'SETUSER', user, 'allchannels');
    await until(() => recorder.happened().includes('restored'), { within: 60_000 });
    expect(service?.messagesProven).toBe(true);
    expect(await locks.health()).toMatchObject({ status: 'up', messages: 'proven', waiting: 1, held: 0 });
    await lock.release();
    await (await waiting).release();
  });
});
