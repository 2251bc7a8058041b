// A program that takes a lock, or tries to, and does nothing to end itself. Nothing that is set to an hour may be armed.
import { Redis } from 'ioredis';
import { createLockService, type LockModuleOptions, type LockService, MemoryLockStore } from '../../../lib/index.js';

export type Connection = 'own' | 'handed-in' | 'memory';
export type Deed = keyof typeof deeds;

const {
  url = '',
  redisPid = 0,
  namespace,
  connection,
  deed,
} = JSON.parse(process.argv[2] ?? '') as {
  url?: string;
  redisPid?: number;
  namespace: string;
  connection: Connection;
  deed: Deed;
};
const HOUR = { ttl: '1h', wait: '1h' } as const;

const client = connection === 'handed-in' ? new Redis(url) : undefined;
const memory = new MemoryLockStore();

function options(): LockModuleOptions {
  const common = { namespace, commandTimeout: '1h', shutdownGrace: '1h', defaults: HOUR } as const;
  return connection === 'memory' ? { ...common, store: memory } : { ...common, redis: client ?? url };
}

const rest = async (): Promise<void> => {};

async function giveUpWaiting(service: LockService, other: LockService): Promise<void> {
  const held = await other.acquire('wanted');
  await service.tryRun('wanted', rest);
  await service.acquire('wanted', { wait: 100 }).catch(rest);
  await service.acquire('wanted', { signal: AbortSignal.timeout(100) }).catch(rest);
  await held.release();
}

async function waitForTheLock(service: LockService, other: LockService): Promise<void> {
  const held = await other.acquire('lock');
  const wish = service.acquire('lock');
  while ((await other.inspect('lock')).waiting.length === 0);
  await held.release();
  await (await wish).release();
}

async function lose(service: LockService): Promise<void> {
  const { signal } = await service.acquire('lost');
  await service.forceRelease('lost');
  while (!signal.aborted) await new Promise(setImmediate);
}

const deeds = {
  'opens a service': rest,

  async 'takes a lock and releases it'(service: LockService): Promise<void> {
    const lock = await service.acquire('lock');
    lock.signal.addEventListener('abort', rest);
    await lock.release();
  },

  async 'takes, waits for and loses locks in every way'(service: LockService): Promise<void> {
    const other = await createLockService(options());
    await service.run('lock', () => Promise.reject(new Error('failed'))).catch(rest);
    await Promise.all([1, 2, 3].map(() => service.run(['lock', 'second'], rest)));
    await giveUpWaiting(service, other);
    await waitForTheLock(service, other);
    await lose(service);
  },

  async 'holds a lock'(service: LockService): Promise<void> {
    await service.acquire('held');
    await service.acquire('held-for-a-moment', { ttl: '2h', maxHold: '1h' });
  },

  async 'outlives its Redis'(service: LockService): Promise<void> {
    const observer = new Redis(url);
    while (((await observer.pubsub('CHANNELS', `${namespace}:wake:*`)) as string[]).length === 0) {
      await service.run('lock', rest);
    }
    // Whatever the connection for messages has to find out first, it has now.
    for (let round = 0; round < 50; round += 1) await service.run('lock', rest);
    observer.disconnect();
    process.kill(redisPid, 'SIGKILL');
    // Long enough to see that the connections are gone.
    await new Promise((resolve) => setTimeout(resolve, 500));
  },

  async 'closes the service'(service: LockService): Promise<void> {
    const lock = await service.acquire('lock');
    const closed = service.close();
    await lock.release();
    await closed;
  },
};

await deeds[deed](await createLockService(options()));
client?.disconnect();
process.stdout.write('"done"\n');
