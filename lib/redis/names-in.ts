import { LockOptionsError, LockUnavailableError } from '../core/errors.js';
import { keyPattern, nameOfKey } from './keys.js';
import type { RedisClient } from './redis-client.js';
import { bareError } from './reply-error.js';

const KEYS_A_CALL = 1_000;

/** The names of all locks that begin with `prefix`, by a walk over all keys of each primary. */
export async function namesIn(client: RedisClient, namespace: string, prefix: string): Promise<string[]> {
  const names = new Set<string>();
  try {
    const primaries = client.nodes?.('master') ?? [client];
    await Promise.all(primaries.map((primary) => walk(primary, namespace, prefix, names)));
  } catch (error) {
    if (error instanceof LockOptionsError) throw error;
    const { message } = error as Error;
    throw new LockUnavailableError(undefined, `its keys cannot be listed (${message})`, {
      cause: bareError(error as Error),
    });
  }
  return [...names].sort();
}

async function walk(client: RedisClient, namespace: string, prefix: string, names: Set<string>): Promise<void> {
  if (!client.scan)
    throw new LockOptionsError('The client that was handed in has no scan(): names cannot be listed, use ioredis.');
  // What ioredis sets before the keys of commands, it leaves to us in patterns and replies.
  const { keyPrefix = '' } = (client as { options?: { keyPrefix?: string } }).options ?? {};
  const pattern = keyPattern(keyPrefix + namespace, prefix);
  for (let cursor: string | undefined; cursor !== '0'; ) {
    const [next, keys] = await client.scan(cursor ?? '0', 'MATCH', pattern, 'COUNT', KEYS_A_CALL);
    cursor = next;
    for (const key of keys) {
      const name = nameOfKey(keyPrefix + namespace, key);
      if (name !== undefined) names.add(name);
    }
  }
}
