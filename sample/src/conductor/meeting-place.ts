import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { MemoryLockStore } from 'nestjs-lock';
import { UNGUARDED } from '../settings.js';
import type { Launch } from './fleet.js';
import { launchHere, launchProcess } from './launch.js';

/** Where the replicas run, and where they meet to lock. */
export interface MeetingPlace {
  readonly description: string;
  launch(databaseUrl: string): Launch;
  /** Removes what the locks left there. */
  clear(): Promise<void>;
}

const APART = 'GUARD=off: each locks in its own memory only';

/** The replicas are Nest applications of this process. */
export async function inMemory({ GUARD }: NodeJS.ProcessEnv): Promise<MeetingPlace> {
  const guarded = GUARD !== 'off';
  const locks = guarded ? { store: new MemoryLockStore() } : UNGUARDED;
  return {
    description: `in one process; ${guarded ? 'one memory store for all' : APART}`,
    launch: (databaseUrl) => launchHere(databaseUrl, locks),
    clear: async () => undefined,
  };
}

/** The replicas are processes of their own. Everything that they keep in Redis has a prefix of this run. */
export async function onRedis(env: NodeJS.ProcessEnv): Promise<MeetingPlace> {
  const redis = await connect(env.REDIS_URL!);
  const namespace = `nestjs-lock-sample-${randomBytes(4).toString('hex')}`;
  return {
    description: `a process each; ${env.GUARD === 'off' ? APART : 'one Redis for all'}`,
    launch: (databaseUrl) => launchProcess({ ...env, DATABASE_URL: databaseUrl, LOCK_NAMESPACE: namespace }),
    clear: async () => {
      for await (const keys of redis.scanStream({ match: `${namespace}:*`, count: 1_000 })) {
        if (keys.length > 0) await redis.unlink(keys);
      }
      await redis.quit();
    },
  };
}

async function connect(url: string): Promise<Redis> {
  const redis = new Redis(url, { lazyConnect: true });
  redis.on('error', (error) => console.error(`Redis: ${error.message}`));
  await redis.connect().catch((cause) => {
    redis.disconnect();
    throw new Error('No Redis answers at REDIS_URL', { cause });
  });
  return redis;
}
