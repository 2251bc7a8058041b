import { until } from '../../support/event.js';
import { RedisCluster } from '../../support/redis-cluster.js';
import type { RedisServer } from '../../support/redis-server.js';
import { ask } from './ask.js';
import { natOf, type Store } from './store.js';

/** Primaries that share the slots, and their replicas. */
export async function startCluster(): Promise<Store> {
  const cluster = await RedisCluster.start({ replicas: 1 });
  const servers = cluster.nodes;
  const whole = (): Promise<void> => complete(servers);
  return {
    servers,
    reached: servers,
    source: (proxyPort) => ({
      kind: 'cluster',
      nodes: servers.map(({ port }) => proxyPort(port)),
      nat: natOf(servers, proxyPort),
    }),
    primaries: () => withRole(servers, 'master'),
    whole,
    failOver: () => promoteOne(servers),
    moveSlot: async (key) => {
      const slot = await cluster.slotOf(key);
      const [owner, primaries] = [await cluster.ownerOf(slot), await cluster.primaries()];
      const other = primaries.find(({ port }) => port !== owner.port);
      if (other) await cluster.migrateSlot(slot, other);
    },
    stop: () => cluster.stop(),
  };
}

async function promoteOne(servers: readonly RedisServer[]): Promise<void> {
  const [replica] = await withRole(servers, 'slave');
  if (!replica) throw new Error('The cluster has no replica left');
  // Without the consent of the primary, so that its last writes are lost.
  await ask(replica, 'CLUSTER', 'FAILOVER', 'TAKEOVER');
  await until(async () => (await withRole([replica], 'master')).length === 1, { within: 30_000 });
  await complete(servers);
}

async function complete(servers: readonly RedisServer[]): Promise<void> {
  const isComplete = async (server: RedisServer): Promise<boolean> =>
    String(await ask(server, 'CLUSTER', 'INFO')).includes('cluster_state:ok');
  await until(async () => (await Promise.all(servers.map(isComplete))).every(Boolean), {
    describe: 'the cluster to be complete',
    within: 30_000,
  });
}

async function withRole(servers: readonly RedisServer[], role: string): Promise<RedisServer[]> {
  const roles = await Promise.all(servers.map((server) => ask(server, 'ROLE')));
  return servers.filter((_, index) => (roles[index] as string[] | undefined)?.[0] === role);
}
