import { Cluster, type Redis } from 'ioredis';
import { until } from './event.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

type ClusterClientOptions = NonNullable<ConstructorParameters<typeof Cluster>[1]>;

const SLOTS = 16_384;
const PRIMARIES = 3;

/** Three primaries that share the slots; no replicas. */
export class RedisCluster implements AsyncDisposable {
  readonly #clients = new Set<Cluster>();

  private constructor(readonly nodes: readonly RedisServer[]) {}

  static async start({ args = [] }: { args?: string[] } = {}): Promise<RedisCluster> {
    const busPorts = [await freePort(), await freePort(), await freePort()];
    const nodes = await Promise.all(busPorts.map((busPort) => startNode(busPort, args)));
    const cluster = new RedisCluster(nodes);
    try {
      await join(nodes, busPorts);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** For `new Cluster(...)` of ioredis. */
  get addresses(): { host: string; port: number }[] {
    return this.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** A client that is disconnected with `stop()`. */
  client(options: ClusterClientOptions = {}): Cluster {
    const client = new Cluster(this.addresses, options);
    client.on('error', () => {});
    this.#clients.add(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function startNode(busPort: number, args: string[]): Promise<RedisServer> {
  const clustered = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000'];
  return RedisServer.start({ args: [...clustered, ...args] });
}

/** What `redis-cli --cluster create` does. */
async function join(nodes: readonly RedisServer[], busPorts: readonly number[]): Promise<void> {
  const clients = nodes.map((node) => node.client());
  await Promise.all(
    clients.map(async (client, index) => {
      const first = Math.ceil((SLOTS * index) / PRIMARIES);
      const last = Math.ceil((SLOTS * (index + 1)) / PRIMARIES) - 1;
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    }),
  );
  for (const [index, node] of nodes.entries()) {
    if (index > 0) await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', node.port, busPorts[index]!);
  }
  await until(async () => (await Promise.all(clients.map(isComplete))).every(Boolean), {
    describe: 'the cluster to be complete',
    within: 30_000,
  });
  for (const client of clients) client.disconnect();
}

async function isComplete(client: Redis): Promise<boolean> {
  const info = String(await client.call('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${PRIMARIES}`);
}
