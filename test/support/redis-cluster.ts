import { Cluster, type Redis } from 'ioredis';
import { until } from './event.js';
import { freePort } from './free-port.js';
import { RedisServer } from './redis-server.js';

type ClusterClientOptions = NonNullable<ConstructorParameters<typeof Cluster>[1]>;

export interface RedisClusterOptions {
  /** More of the command line of every node. */
  args?: string[];
  /** How many follow each primary. Default: none. */
  replicas?: number;
}

interface Node {
  readonly server: RedisServer;
  readonly busPort: number;
}

const SLOTS = 16_384;
const PRIMARIES = 3;

/** Three primaries that share the slots, and their replicas. */
export class RedisCluster implements AsyncDisposable {
  readonly #clients = new Set<Cluster>();

  /** Those that were started as primaries come first. */
  private constructor(readonly nodes: readonly RedisServer[]) {}

  static async start({ args = [], replicas = 0 }: RedisClusterOptions = {}): Promise<RedisCluster> {
    const count = PRIMARIES * (1 + replicas);
    const nodes = await Promise.all(Array.from({ length: count }, () => startNode(args)));
    const cluster = new RedisCluster(nodes.map(({ server }) => server));
    try {
      await join(nodes);
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

  async slotOf(key: string): Promise<number> {
    return Number(await command(this.#running()[0]!, 'CLUSTER', 'KEYSLOT', key));
  }

  /** The primary that the nodes say has the slot. */
  async ownerOf(slot: number): Promise<RedisServer> {
    const [owner] = await this.#ownersOf(slot);
    return this.nodes.find(({ port }) => port === owner)!;
  }

  /** Those that have slots now. */
  async primaries(): Promise<RedisServer[]> {
    const ports = (await rangesOf(this.#running()[0]!)).map(([, , [, port]]) => port);
    return this.nodes.filter(({ port }) => ports.includes(port));
  }

  /**
   * Moves a slot with all its keys, as `redis-cli --cluster reshard` does; resolves when every node knows. `halfway` is
   * awaited when the slot is on its way, and all of its keys are still where they were.
   */
  async migrateSlot(slot: number, to: RedisServer, halfway = async (): Promise<void> => {}): Promise<void> {
    const from = await this.ownerOf(slot);
    const toId = String(await command(to, 'CLUSTER', 'MYID'));
    const fromId = String(await command(from, 'CLUSTER', 'MYID'));
    await command(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
    await command(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    await halfway();
    for (;;) {
      const keys = (await command(from, 'CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
      if (keys.length === 0) break;
      await command(from, 'MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
    }
    // The new owner first: in between, the old one still sends to it.
    await command(to, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    await command(from, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
    await this.#agreement(slot, (owner) => owner === to.port);
  }

  /** Kills a primary; resolves with the replica that has taken over, when every node that runs knows. */
  async failover(primary: RedisServer): Promise<RedisServer> {
    const slot = await this.#slotServedBy(primary);
    await primary.kill();
    await this.#agreement(slot, (owner) => owner !== undefined && owner !== primary.port);
    return this.ownerOf(slot);
  }

  /** Starts a node that was killed; resolves when it follows whoever has its slots now. */
  async rejoin(node: RedisServer): Promise<void> {
    await node.restart();
    const follows = async (): Promise<boolean> => {
      return String(await command(node, 'INFO', 'replication')).includes('master_link_status:up');
    };
    await until(follows, { describe: 'the node to follow', within: 30_000 });
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #running(): RedisServer[] {
    return this.nodes.filter(({ running }) => running);
  }

  /** The port of the primary that has the slot, as each node that runs says. */
  async #ownersOf(slot: number): Promise<(number | undefined)[]> {
    const views = await Promise.all(this.#running().map((node) => rangesOf(node)));
    return views.map((ranges) => ranges.find(([first, last]) => slot >= first && slot <= last)?.[2][1]);
  }

  async #slotServedBy(primary: RedisServer): Promise<number> {
    const range = (await rangesOf(primary)).find(([, , [, port]]) => port === primary.port);
    if (!range) throw new Error(`The node on port ${primary.port} has no slots`);
    return range[0];
  }

  async #agreement(slot: number, isRight: (owner: number | undefined) => boolean): Promise<void> {
    const agree = async (): Promise<boolean> => {
      const owners = await this.#ownersOf(slot);
      const states = await Promise.all(this.#running().map((node) => command(node, 'CLUSTER', 'INFO')));
      const isOk = states.every((state) => String(state).includes('cluster_state:ok'));
      return isOk && new Set(owners).size === 1 && isRight(owners[0]);
    };
    await until(agree, { describe: 'the nodes to agree about a slot', within: 30_000 });
  }
}

/** First slot, last slot, and the address of the primary; the replicas follow. */
type SlotRange = [first: number, last: number, primary: [host: string, port: number]];

async function rangesOf(node: RedisServer): Promise<SlotRange[]> {
  return (await command(node, 'CLUSTER', 'SLOTS')) as SlotRange[];
}

/** On a connection of its own, to that very node. */
async function command(node: RedisServer, ...[name, ...args]: [string, ...(string | number)[]]): Promise<unknown> {
  const client = node.client();
  try {
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

async function startNode(args: string[]): Promise<Node> {
  const busPort = await freePort();
  const clustered = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000'];
  return { server: await RedisServer.start({ args: [...clustered, ...args] }), busPort };
}

/** What `redis-cli --cluster create` does. */
async function join(nodes: readonly Node[]): Promise<void> {
  const clients = nodes.map(({ server }) => server.client());
  const ids = await Promise.all(clients.map((client) => client.call('CLUSTER', 'MYID').then(String)));
  await Promise.all(
    clients.map(async (client, index) => {
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
      if (index >= PRIMARIES) return;
      const first = Math.ceil((SLOTS * index) / PRIMARIES);
      const last = Math.ceil((SLOTS * (index + 1)) / PRIMARIES) - 1;
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
    }),
  );
  for (const { server, busPort } of nodes.slice(1)) {
    await clients[0]!.call('CLUSTER', 'MEET', '127.0.0.1', server.port, busPort);
  }
  await all(clients, 'the cluster to be complete', (client) => isComplete(client, nodes.length));
  const replicas = clients.slice(PRIMARIES);
  await Promise.all(replicas.map((client, index) => client.call('CLUSTER', 'REPLICATE', ids[index % PRIMARIES]!)));
  await all(replicas, 'the replicas to follow', async (client) => {
    return (await client.info('replication')).includes('master_link_status:up');
  });
  // Whoever does not know yet whose replica it is does not vote for it.
  await all(clients, 'every node to know the replicas', async (client) => {
    const lines = String(await client.call('CLUSTER', 'NODES')).split('\n');
    return lines.filter((line) => / (myself,)?slave /.test(line)).length === replicas.length;
  });
  for (const client of clients) client.disconnect();
}

async function all(
  clients: readonly Redis[],
  describe: string,
  question: (client: Redis) => Promise<boolean>,
): Promise<void> {
  await until(async () => (await Promise.all(clients.map(question))).every(Boolean), { describe, within: 30_000 });
}

async function isComplete(client: Redis, nodes: number): Promise<boolean> {
  const info = String(await client.call('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${nodes}`);
}
