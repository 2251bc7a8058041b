import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';

/** Where the servers meet to lock. */
export interface MeetingPlace {
  readonly description: string;
  /** What the servers need to know of it. */
  readonly environment: NodeJS.ProcessEnv;
  /** Removes what the locks left there. */
  clear(): Promise<void>;
}

export const inMemory: MeetingPlace = {
  description: 'a lock store in the memory of the conductor',
  environment: {},
  clear: async () => undefined,
};

/** Everything that the servers keep in Redis has a prefix of this run. */
export async function onRedis(url: string): Promise<MeetingPlace> {
  const redis = new Redis(url, { lazyConnect: true });
  redis.on('error', (error) => console.error(`Redis: ${error.message}`));
  await redis.connect().catch((cause) => {
    redis.disconnect();
    throw new Error('No Redis answers at REDIS_URL', { cause });
  });
  const namespace = `nestjs-lock-sample-${randomBytes(4).toString('hex')}`;
  return {
    description: 'one Redis for all',
    environment: { REDIS_URL: url, LOCK_NAMESPACE: namespace },
    clear: async () => {
      for await (const keys of redis.scanStream({ match: `${namespace}:*`, count: 1_000 })) {
        if (keys.length > 0) await redis.unlink(keys);
      }
      await redis.quit();
    },
  };
}
