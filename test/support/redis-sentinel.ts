import { Redis } from 'ioredis';
import { until } from './event.js';
import { type ClientOptions, RedisServer } from './redis-server.js';

const NAME = 'primary';
const SENTINELS = 3;

/** One primary, one replica, and three Sentinels that promote the replica when the primary is away for half a second. */
export class RedisSentinel implements AsyncDisposable {
  readonly name = NAME;
  readonly sentinels: RedisServer[] = [];
  readonly #clients = new Set<Redis>();

  private constructor(
    public primary: RedisServer,
    public replica: RedisServer,
  ) {}

  static async start(): Promise<RedisSentinel> {
    const args = ['--repl-diskless-sync-delay', '0'];
    const primary = await RedisServer.start({ args });
    const replica = await RedisServer.start({ args: [...args, '--replicaof', '127.0.0.1', String(primary.port)] });
    const group = new RedisSentinel(primary, replica);
    try {
      // First: a Sentinel that meets a replica which is not in step looks at it again only after ten seconds.
      await ask(replica, async (client) => (await client.info('replication')).includes('master_link_status:up'));
      for (let count = 0; count < SENTINELS; count += 1) group.sentinels.push(await startSentinel(primary.port));
      for (const sentinel of group.sentinels) await ask(sentinel, isReadyToPromote);
      return group;
    } catch (error) {
      await group.stop();
      throw error;
    }
  }

  /** For `new Redis({ sentinels, name })` of ioredis. */
  get addresses(): { host: string; port: number }[] {
    return this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  /** A client of whoever is the primary; it is disconnected with `stop()`. */
  client(options: ClientOptions = {}): Redis {
    const client = new Redis({ sentinels: this.addresses, name: NAME, ...options });
    client.on('error', () => {});
    this.#clients.add(client);
    return client;
  }

  /** Kills the primary; resolves when the replica has taken over and every Sentinel says so. Then the two are swapped. */
  async failover(): Promise<void> {
    const { primary, replica } = this;
    await primary.kill();
    await ask(replica, async (client) => (await client.info('replication')).includes('role:master'));
    for (const sentinel of this.sentinels) {
      await ask(sentinel, async (client) => Number((await primaryOf(client))?.[1]) === replica.port);
    }
    this.primary = replica;
    this.replica = primary;
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all([...this.sentinels, this.primary, this.replica].map((server) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function startSentinel(primaryPort: number): Promise<RedisServer> {
  return RedisServer.start({
    sentinel: [
      `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 2`,
      `sentinel down-after-milliseconds ${NAME} 500`,
      `sentinel failover-timeout ${NAME} 3000`,
    ],
  });
}

async function primaryOf(sentinel: Redis): Promise<[string, string] | null> {
  return (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string] | null;
}

/** Whether a Sentinel knows the replica and the other Sentinels; before that nobody is promoted. */
async function isReadyToPromote(sentinel: Redis): Promise<boolean> {
  const info = await sentinel.info('sentinel');
  const replicas = String(await sentinel.call('SENTINEL', 'REPLICAS', NAME));
  return (
    info.includes(`status=ok`) &&
    info.includes(`slaves=1,sentinels=${SENTINELS}`) &&
    replicas.includes('master-link-status,ok')
  );
}

async function ask(server: RedisServer, question: (client: Redis) => Promise<boolean>): Promise<void> {
  const client = server.client();
  await until(() => question(client), { describe: 'the replica and the Sentinels to agree', within: 30_000 });
  client.disconnect();
}
