import { Redis, type RedisOptions } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import { onTestFinished } from 'vitest';
import { createLockService, type LockModuleOptions, type LockService, type RedisClient } from '../../lib/index.js';
import { recordingLogger } from './redis-observe.js';

type Options = Omit<RedisOptions, 'replyMapping' | 'protocol'> & { port: number };

/** For `describe.each`: both versions of ioredis, with clients that end with the test. */
export const VERSIONS: { version: string; connect: (options: Options) => Redis }[] = [
  { version: 'ioredis 6', connect: (options) => owned(new Redis({ host: '127.0.0.1', protocol: 2, ...options })) },
  {
    version: 'ioredis 5',
    connect: (options) => owned(new Redis5({ host: '127.0.0.1', ...options } as object) as unknown as Redis),
  },
];

function owned(client: Redis): Redis {
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** A service that ends with the test, and what it logs. */
export async function serviceOf(
  redis: string | RedisClient | Redis,
  options: Partial<LockModuleOptions> = {},
): Promise<LockService & { lines: string[] }> {
  const logger = recordingLogger();
  const service = await createLockService({
    redis: redis as string,
    namespace: 'field',
    shutdownGrace: 0,
    logger,
    ...options,
  } as LockModuleOptions);
  onTestFinished(() => service.close());
  return Object.assign(service, { lines: logger.lines });
}
