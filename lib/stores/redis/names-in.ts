import { LockOptionsError, LockUnavailableError } from '../../core/errors.js';
import { within } from '../../core/timer.js';
import { keyPattern, nameOfKey } from './keys.js';
import type { RedisClient } from './redis-client.js';
import { bareError } from './reply-error.js';

const KEYS_A_CALL = 1_000;

export interface Walk {
  readonly namespace: string;
  readonly prefix: string;
  /** How long one command may take, in ms. */
  readonly commandTimeout: number;
}

/** The names of all locks that begin with `prefix`, by a walk over all keys of each primary. */
export async function namesIn(client: RedisClient, walk: Walk): Promise<string[]> {
  // What ioredis sets before the keys of commands, it leaves to us in patterns and replies; nodes of a Cluster lack it.
  const { keyPrefix = '' } = (client as { options?: { keyPrefix?: string } }).options ?? {};
  const prefixed = { ...walk, namespace: keyPrefix + walk.namespace };
  const primaries = client.nodes?.('master') ?? [client];
  try {
    if (primaries.length === 0) throw new Error('no node of the Cluster is known');
    const names = await Promise.all(primaries.map((primary) => namesOn(primary, prefixed)));
    return [...new Set(names.flat())].sort();
  } catch (error) {
    if (error instanceof LockOptionsError) throw error;
    const { message } = error as Error;
    throw new LockUnavailableError(undefined, `its keys cannot be listed (${message})`, {
      cause: bareError(error as Error),
    });
  }
}

async function namesOn(client: RedisClient, { namespace, prefix, commandTimeout }: Walk): Promise<string[]> {
  if (!client.scan)
    throw new LockOptionsError('The client that was handed in has no scan(): names cannot be listed, use ioredis.');
  const pattern = keyPattern(namespace, prefix);
  const names: string[] = [];
  for (let cursor: string | undefined; cursor !== '0'; ) {
    const page = await within(commandTimeout, client.scan(cursor ?? '0', 'MATCH', pattern, 'COUNT', KEYS_A_CALL));
    if (!page) throw new Error(`no answer within ${commandTimeout} ms`);
    cursor = page[0];
    names.push(...page[1].map((key) => nameOfKey(namespace, key)).filter((name) => name !== undefined));
  }
  return names;
}
