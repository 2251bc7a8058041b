import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLockService, LockClosedError, LockService, type LockStore, MemoryLockStore } from '../../lib/index.js';
import { until } from '../support/event.js';
import { Room } from '../support/nest.js';
import { unique, useRedis } from '../support/redis.js';
import { TcpProxy } from '../support/tcp-proxy.js';

describe('createLockService', () => {
  const redis = useRedis();

  it('makes the service of the module, without Nest', async () => {
    await using service = await createLockService({ store: 'memory' });
    expect(service).toBeInstanceOf(LockService);
    expect(await service.run('a', async ({ name, held }) => [name, held])).toEqual(['a', true]);
  });

  it.each([
    ['a URL', () => redis.url],
    ['options of ioredis', () => ({ host: '127.0.0.1', port: redis.server.port })],
    ['a client', () => redis.server.client()],
    ['a client that connects when it is needed', () => redis.server.client({ lazyConnect: true })],
  ])('keeps the locks in the Redis that is given as %s', async (_what, source) => {
    const namespace = unique('ns');
    await using service = await createLockService({ redis: source(), namespace });
    await using other = await createLockService({ redis: redis.url, namespace });
    await using elsewhere = await createLockService({ redis: redis.url, namespace: unique('ns') });
    await using _held = await service.acquire('a');
    expect(await other.tryAcquire('a')).toBeNull();
    expect(await elsewhere.tryRun('a', async () => 1)).toEqual({ acquired: true, value: 1 });
    expect(await redis.client.exists(`${namespace}:{a}`)).toBe(1);
  });

  it('keeps the locks of each memory store to itself, and shares those of one object', async () => {
    const store = new MemoryLockStore();
    await using one = await createLockService({ store });
    await using same = await createLockService({ store });
    await using other = await createLockService({ store: 'memory' });
    await using _held = await one.acquire('a');
    expect(await same.tryAcquire('a')).toBeNull();
    await using own = await other.tryAcquire('a');
    expect(own?.held).toBe(true);
  });

  it('does not close a store that was handed in', async () => {
    const close = vi.fn();
    const store: LockStore = Object.assign(new MemoryLockStore(), { close });
    const service = await createLockService({ store });
    await service.close();
    expect(close).not.toHaveBeenCalled();
  });

  it('warns on the console where no logger is given, and on the logger where one is', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const logger = { warn: vi.fn(), error: vi.fn() };
    const redis = { port: 1 }; // Where nothing listens.
    for (const [options, warnings] of [
      [{}, warn],
      [{ logger }, logger.warn],
    ] as const) {
      await using _service = await createLockService({ redis, ...options });
      await until(() => warnings.mock.calls.length > 0);
    }
    expect(warn).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(expect.stringMatching(/Redis cannot be reached/));
    expect(logger.warn).toHaveBeenCalledOnce();
  });
});

describe('A service on Redis', () => {
  const redis = useRedis();

  it('has nothing to warn of when it is closed while its message connection is being set up', async () => {
    await using proxy = await TcpProxy.start(redis.server);
    const logger = { warn: vi.fn(), error: vi.fn() };
    const service = await createLockService({ redis: proxy.url, namespace: unique('ns'), logger });
    await service.inspect('a');
    proxy.refuseConnections();
    await service.run('a', async () => {});
    const subscribing = proxy.seen('subscribe');
    await proxy.acceptConnections();
    await subscribing;
    proxy.holdReplies();
    await service.close();
    proxy.resetAll();
    await until(() => proxy.connections === 0);
    await redis.client.ping();
    expect(logger.warn.mock.calls).toEqual([]);
  });
});

describe('A service', () => {
  it('is closed at the end of its `await using` block', async () => {
    let kept: LockService;
    {
      await using service = await createLockService({ store: 'memory' });
      kept = service;
      await service.run('a', async () => {});
    }
    await expect(kept.acquire('a')).rejects.toThrow(LockClosedError);
  });

  it('is closed also when the block ends with an error, which comes out', async () => {
    const failure = new Error('The script failed');
    let kept: LockService | undefined;
    const script = async (): Promise<void> => {
      await using service = await createLockService({ store: 'memory' });
      kept = service;
      throw failure;
    };
    await expect(script()).rejects.toBe(failure);
    await expect(kept?.acquire('a')).rejects.toThrow(LockClosedError);
  });

  it('may be closed twice: the second call waits for the first', async () => {
    const service = await createLockService({ store: 'memory' });
    const room = new Room();
    const running = service.run('a', () => room.visit('body'));
    await vi.waitFor(() => expect(room.visitors).toEqual(['body']));
    const ended: string[] = [];
    const first = service.close().then(() => ended.push('first'));
    const second = service.close().then(() => ended.push('second'));
    const body = running.then(() => ended.push('body'));
    room.letOut('body');
    await Promise.all([first, second, body]);
    expect(ended).toHaveLength(3);
    expect(ended[0]).toBe('body');
    await service.close();
    await service[Symbol.asyncDispose]();
  });

  it('tells what it is asked to run when that is no function', async () => {
    await using service = await createLockService({ store: 'memory' });
    const wrong = service as unknown as Record<'run' | 'tryRun', (...args: unknown[]) => Promise<unknown>>;
    for (const args of [['a'], ['a', {}], ['a', {}, 'body'], ['a', undefined, undefined]]) {
      await expect(wrong.run(...args)).rejects.toMatchObject({ code: 'LOCK_OPTIONS', message: /run\(name, body\)/ });
      await expect(wrong.tryRun(...args)).rejects.toMatchObject({ code: 'LOCK_OPTIONS' });
    }
  });

  it('does not wait with tryAcquire and tryRun, also when `wait` is left undefined', async () => {
    await using service = await createLockService({ store: 'memory', defaults: { wait: Number.POSITIVE_INFINITY } });
    await using _held = await service.acquire('a');
    for (const options of [undefined, {}, { wait: undefined }, { ttl: 1_000 }]) {
      expect(await service.tryAcquire('a', options)).toBeNull();
      expect(await service.tryRun('a', options, async () => 1)).toEqual({ acquired: false });
    }
  });

  it('rejects, and does not throw, when the options cannot be read', async () => {
    await using service = await createLockService({ store: 'memory' });
    const failure = new Error('no such property');
    const options = {
      get wait(): number {
        throw failure;
      },
    };
    await expect(service.acquire('a', options)).rejects.toBe(failure);
    await expect(service.tryAcquire('a', options)).rejects.toBe(failure);
  });
});
