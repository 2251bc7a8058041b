import { outside, runtime } from '../../core/runtime.js';
import { answerWithin } from './answer-within.js';
import { cut, disconnect, letProcessEnd } from './client-internals.js';
import type { RedisClient } from './redis-client.js';
import { steadyClient } from './steady-client.js';

const LONGEST_MS = 2_000;

/** What keeps ioredis from connecting again, and from sending again what was not answered. */
const ONCE = {
  lazyConnect: true,
  enableReadyCheck: false,
  retryStrategy: null,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
};

/**
 * A section of INFO, on a connection of its own: what lies between may hang up on the command, and ioredis would send it
 * again for ever. Rejects when it is not answered.
 */
export async function lookAt(client: RedisClient, section: string): Promise<string> {
  // A Cluster opens a connection to each of its nodes; any of its primaries will do.
  const node = client.nodes?.('master')[0] ?? client;
  const look = outside(() => steadyClient(() => node.duplicate(ONCE)));
  try {
    return await answerWithin(LONGEST_MS, ask(look, section));
  } finally {
    if (look.status !== 'end') disconnect(look);
    runtime.setImmediate(() => cut(look));
  }
}

function ask(look: RedisClient, section: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const closed = (): void => {
      // Where the client connects again nevertheless.
      if (look.status !== 'end') disconnect(look);
      reject(new Error('the connection was closed'));
    };
    look.on('error', reject);
    look.on('connect', () => letProcessEnd(look));
    look.on('close', closed);
    if (look.status === 'wait') look.connect().catch(reject);
    look.info?.(section).then((info) => resolve(String(info)), reject);
  });
}
