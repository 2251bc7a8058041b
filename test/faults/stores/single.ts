import { RedisServer } from '../../support/redis-server.js';
import type { Store } from './store.js';

/** One server. */
export async function startSingle(persistent: boolean): Promise<Store> {
  const server = await RedisServer.start({ persistent });
  return {
    servers: [server],
    reached: [server],
    source: (proxyPort) => ({ kind: 'single', port: proxyPort(server.port) }),
    primaries: async () => [server],
    whole: async () => {},
    stop: () => server.stop(),
  };
}
