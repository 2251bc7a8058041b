import { LockOptionsError, LockUnavailableError } from '../core/errors.js';
import type { InfoClient } from './doctor.js';

/** A client of ours, which is closed at the end. */
export interface OpenClient extends InfoClient {
  disconnect(): void;
}

const PATIENCE_MS = 3_000;

/**
 * A client for the URL; of a node of a Cluster, one for the whole Cluster.
 * @throws LockUnavailableError when it cannot be reached, LockOptionsError for what is no URL of a Redis.
 */
export async function connect(url: string): Promise<OpenClient> {
  if (!/^(rediss?|unix):\/\//.test(url)) {
    throw new LockOptionsError('The address is no URL of a Redis: give one such as redis://user:password@host:6379.');
  }
  const { Redis, Cluster } = await loadClient();
  const options = {
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    retryStrategy: () => null,
    enableReadyCheck: false,
  };
  const client = new Redis(url, options);
  let problem: Error | undefined;
  client.on('error', (error) => {
    problem = error;
  });
  try {
    await client.connect();
    const info = await client.info('cluster').catch(() => '');
    if (!/cluster_enabled:1/.test(info)) return client as unknown as OpenClient;
  } catch (error) {
    client.disconnect();
    const cause = problem ?? (error as Error);
    throw new LockUnavailableError(undefined, 'Redis cannot be reached', { cause });
  }
  const { host, port, username, password, tls } = client.options;
  client.disconnect();
  const cluster = new Cluster([{ host: host as string, port: port as number }], {
    redisOptions: { ...(username && { username }), ...(password && { password }), ...(tls && { tls }) },
  });
  cluster.on('error', () => {});
  return cluster as unknown as OpenClient;
}

async function loadClient(): Promise<Pick<typeof import('ioredis'), 'Redis' | 'Cluster'>> {
  try {
    return await import('ioredis');
  } catch {
    throw new LockOptionsError('ioredis is not installed, which this needs: npm install ioredis.');
  }
}
