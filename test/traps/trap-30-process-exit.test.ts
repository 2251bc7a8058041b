import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLockService, LockModule, LockService } from '../../lib/index.js';
import { bundle } from '../support/bundle.js';
import { Child } from '../support/child.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { bothStores, inTests } from '../support/stores.js';

const LIB = fileURLToPath(new URL('../../lib', import.meta.url));
const ENDING = /\bprocess(\?\.|\.|\[['"`])(exit|exitCode|abort|kill|reallyExit|once?|addListener|prependListener)\b/;
const IMPORT = /['"](node:)?process['"]/;
/** What a program hears before it ends. */
const EVENTS = ['exit', 'beforeExit', 'SIGTERM', 'SIGINT', 'SIGHUP', 'uncaughtException', 'unhandledRejection'];

const unavailable = { code: 'LOCK_UNAVAILABLE' };

describe('trap 30: the library ends the process', () => {
  const redis = useRedis();
  const ending = ['exit', 'abort'] as const;

  beforeEach(() => {
    for (const way of ending) vi.spyOn(process, way).mockImplementation((() => {}) as () => never);
  });
  afterEach(() => {
    const used = ending.filter((way) => vi.mocked(process[way]).mock.calls.length > 0);
    vi.restoreAllMocks();
    expect(used).toEqual([]);
  });

  it('no file of it names a way to end a process', async () => {
    const files = await readdir(LIB, { recursive: true });
    // The command line is a program of its own, and no application loads it.
    const sources = files.filter((file) => file.endsWith('.ts') && file !== 'cli/main.ts');
    expect(sources).toContain('service/lock-service.ts');
    for (const file of sources) {
      const source = await readFile(join(LIB, file), 'utf8');
      expect({ file, ending: ENDING.exec(source)?.[0] ?? IMPORT.exec(source)?.[0] }).toEqual({
        file,
        ending: undefined,
      });
    }
  });

  it('nor does what is built of it', async () => {
    const built = await readFile(await bundle('../../lib/index.ts'), 'utf8');
    const code = built.replace(/^\/\/# sourceMappingURL=.*$/m, '');
    expect(code.includes('LockService')).toBe(true);
    expect(ENDING.exec(code)).toBeNull();
    expect(IMPORT.exec(code)).toBeNull();
  });

  it.each(bothStores(redis))('it listens for no end of the process ($name)', async (store) => {
    const before = EVENTS.map((event) => process.listenerCount(event));
    await using service = await createLockService(store.shared());
    await service.run('a', async () => {
      expect(EVENTS.map((event) => process.listenerCount(event))).toEqual(before);
    });
  });

  it('an application starts, works and stops while Redis cannot be reached', async () => {
    const options = {
      redis: `redis://127.0.0.1:${await freePort()}`,
      commandTimeout: 300,
      ...inTests,
    };
    const root = { module: class {}, imports: [LockModule.forRoot(options)] };
    const app = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    const locks = app.get(LockService);
    for (let attempt = 0; attempt < 3; attempt += 1)
      await expect(locks.acquire('a')).rejects.toMatchObject(unavailable);
    await app.close();
  });

  it.each([
    ['lets nobody in', (server: RedisServer) => server.urlAs('nobody', 'wrong')],
    ['has no such database', (server: RedisServer) => `${server.url}/99`],
  ])('it goes on while Redis %s', async (_how, url) => {
    await using service = await createLockService({ redis: url(redis.server), commandTimeout: 300, ...inTests });
    await service.acquire('a', { wait: 0 }).catch((error: unknown) => expect(error).toMatchObject(unavailable));
  });

  it('it goes on when a body fails, and when it is closed under a body', async () => {
    const options = { redis: redis.url, namespace: unique('ns'), ...inTests };
    const service = await createLockService({ ...options, shutdownGrace: 0 });
    const failure = new Error('the body failed');
    await expect(service.run('a', () => Promise.reject(failure))).rejects.toBe(failure);
    const running = service.run(
      'a',
      ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    );
    running.catch(() => {});
    await service.inspect('a');
    await service.close();
    await expect(running).rejects.toMatchObject({ code: 'LOCK_LOST' });
  });

  it('a process goes on when Redis dies while it holds and waits, works again when Redis is back, and ends by itself', async () => {
    await using server = await RedisServer.start();
    const options = { redis: server.url, namespace: unique('ns'), commandTimeout: 1_000 };
    await using child = await Child.start(options);
    await using other = await createLockService({ ...options, ...inTests });
    await other.acquire('busy', { ttl: '1h' });
    await child.call('acquire', { name: 'held', options: { ttl: 1_500 } });
    const waiting = child.call('acquire', { name: 'busy', options: { wait: Number.POSITIVE_INFINITY } });

    await server.kill();
    await expect(waiting).rejects.toMatchObject(unavailable);
    expect(await child.waitFor('lost', 'held')).toMatchObject({ why: 'unavailable' });
    await expect(child.call('acquire', { name: 'down', options: { wait: 0 } })).rejects.toMatchObject(unavailable);
    await server.restart();
    // The client tries to connect every two seconds at the latest.
    const back = await until(() => child.call('acquire', { name: 'up' }).catch(() => undefined));
    expect(back.name).toBe('up');
    expect(await child.call('release', { id: 'up' })).toBe(true);
    expect(child.running).toBe(true);

    await child.call('close');
    await child.call('detach');
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });
});
