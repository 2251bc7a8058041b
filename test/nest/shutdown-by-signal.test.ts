import type { ChildProcess } from 'node:child_process';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { bundle } from '../support/bundle.js';
import { until } from '../support/event.js';
import type { NestAppMessage } from '../support/nest-app.js';
import { ended, killProcess, spawnOwned } from '../support/processes.js';
import { unique, useRedis } from '../support/redis.js';
import { inTests } from '../support/stores.js';

const redis = useRedis();

/** An application with enableShutdownHooks(), which works under the lock `work` until it is told to finish. */
async function start(shutdownGrace: number) {
  const namespace = unique('signals');
  const env = { ...process.env, REDIS_URL: redis.url, NAMESPACE: namespace, SHUTDOWN_GRACE: String(shutdownGrace) };
  const stdio: ('ignore' | 'inherit' | 'ipc')[] = ['ignore', 'inherit', 'inherit', 'ipc'];
  const app: ChildProcess = spawnOwned(process.execPath, [await bundle('./nest-app.ts')], { env, stdio });
  onTestFinished(() => killProcess(app));
  const messages: NestAppMessage[] = [];
  app.on('message', (message: NestAppMessage) => messages.push(message));
  const heard = (message: NestAppMessage) => until(() => messages.includes(message), { describe: message });

  await heard('ready');
  app.send('work');
  await heard('working');
  const elsewhere = await createLockService({ redis: redis.url, namespace, ...inTests });
  onTestFinished(() => elsewhere.close());
  return { app, messages, heard, elsewhere };
}

describe('A process that is told to end by a signal', () => {
  it('lets a body end in peace, and releases its lock before it goes', async () => {
    const { app, messages, heard, elsewhere } = await start(60_000);
    app.kill('SIGTERM');
    await heard('stopping');
    expect(await elsewhere.tryAcquire('work')).toBeNull();
    app.send('finish');
    await until(() => ended(app));
    expect(app.signalCode).toBe('SIGTERM');
    expect(messages).toEqual(['ready', 'working', 'stopping', 'done']);
    expect(await elsewhere.tryAcquire('work')).not.toBeNull();
  });

  it('tells a body that does not end of the loss, and releases its lock, when the grace is over', async () => {
    const { app, messages, elsewhere } = await start(50);
    app.kill('SIGINT');
    await until(() => ended(app));
    expect(app.signalCode).toBe('SIGINT');
    expect(messages).toEqual(['ready', 'working', 'stopping', 'lost']);
    expect(await elsewhere.tryAcquire('work')).not.toBeNull();
  });
});
