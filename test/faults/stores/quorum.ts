import { RedisQuorum } from '../../support/redis-quorum.js';
import { LONGEST_TTL_MS } from '../worker/orders.js';
import type { Store } from './store.js';

/** Before that a server has no vote: with the drift, and since the uptime is told in whole seconds. */
const UP_S = Math.ceil((LONGEST_TTL_MS * 1.01) / 1_000) + 1;

/** Independent servers, of which more than half decide, and which forget everything when they start anew. */
export async function startQuorum(size: number): Promise<Store> {
  const quorum = await RedisQuorum.start(size);
  const { servers } = quorum;
  await quorum.up(UP_S);
  return {
    servers,
    reached: servers,
    source: (proxyPort) => ({ kind: 'quorum', ports: servers.map(({ port }) => proxyPort(port)) }),
    primaries: async () => servers,
    whole: () => quorum.up(UP_S),
    stop: () => quorum.stop(),
  };
}
