import type { Redis } from 'ioredis';
import type { RedisServer } from '../../support/redis-server.js';

const PATIENCE_MS = 1_000;

const clients = new WeakMap<RedisServer, Redis>();

/** The answer of this very server to a command; undefined when it gives none. Not by way of a proxy. */
export async function ask(server: RedisServer, command: string, ...args: (string | number)[]): Promise<unknown> {
  let client = clients.get(server);
  if (!client) {
    client = server.client({
      commandTimeout: PATIENCE_MS,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 50,
      enableReadyCheck: false,
    });
    clients.set(server, client);
  }
  return client.call(command, ...args).catch(() => undefined);
}

/** The same, on a connection of its own, however long it takes; undefined when the answer is an error. */
export async function askPatiently(
  server: RedisServer,
  command: string,
  ...args: (string | number)[]
): Promise<unknown> {
  const client = server.client({ maxRetriesPerRequest: 0, retryStrategy: () => null, enableReadyCheck: false });
  try {
    return await client.call(command, ...args);
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}
