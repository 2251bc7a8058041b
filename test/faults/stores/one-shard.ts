import { until } from '../../support/event.js';
import { freePort } from '../../support/free-port.js';
import { RedisServer } from '../../support/redis-server.js';
import { ask } from './ask.js';
import type { Store } from './store.js';

/** A whole Cluster in one server, which the workers take for an ordinary one. */
export async function startOneShard(): Promise<Store> {
  const bus = String(await freePort());
  const server = await RedisServer.start({ args: ['--cluster-enabled', 'yes', '--cluster-port', bus] });
  await ask(server, 'CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
  const whole = async (): Promise<void> => {
    const isComplete = async (): Promise<boolean> =>
      String(await ask(server, 'CLUSTER', 'INFO')).includes('cluster_state:ok');
    await until(isComplete, { describe: 'the cluster of one to be complete', within: 30_000 });
  };
  await whole();
  return {
    servers: [server],
    reached: [server],
    source: (proxyPort) => ({ kind: 'single', port: proxyPort(server.port) }),
    primaries: async () => [server],
    whole,
    stop: () => server.stop(),
  };
}
