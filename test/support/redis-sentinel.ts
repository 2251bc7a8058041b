import { Redis } from 'ioredis';
import { until } from './event.js';
import { type ClientOptions, RedisServer } from './redis-server.js';

const NAME = 'primary';
const REPLICAS = 2;
const SENTINELS = 3;
/** A user that the primary does not know. A replica that is refused as such tries again only each second. */
const NOBODY = { masteruser: 'nobody', masterauth: 'nothing' };

/** One primary, two replicas, and three Sentinels that promote one of them when the primary is away for two seconds. */
export class RedisSentinel implements AsyncDisposable {
  readonly name = NAME;
  readonly sentinels: RedisServer[] = [];
  readonly #clients = new Set<Redis>();

  private constructor(
    public primary: RedisServer,
    /** After a fail-over, those that follow the new primary come first; the old one, which is dead, comes last. */
    public replicas: readonly RedisServer[],
  ) {}

  static async start(): Promise<RedisSentinel> {
    const args = ['--repl-diskless-sync-delay', '0'];
    const primary = await RedisServer.start({ args });
    const group = new RedisSentinel(primary, []);
    try {
      for (let count = 0; count < REPLICAS; count += 1) {
        const replica = await RedisServer.start({ args });
        group.replicas = [...group.replicas, replica];
        // Not by its command line: one that was promoted since would follow the former primary when it is started again.
        await command(replica, 'REPLICAOF', '127.0.0.1', String(primary.port));
      }
      // First: a Sentinel that meets a replica which is not in step looks at it again only after ten seconds.
      for (const replica of group.replicas) await ask(replica, (client) => follows(client, primary));
      for (let count = 0; count < SENTINELS; count += 1) group.sentinels.push(await startSentinel(primary.port));
      for (const each of group.sentinels) await ask(each, isReadyToPromote);
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

  /**
   * From now on these replicas get none of the writes of the primary, until `replicate()` or a fail-over. Stopping the
   * replica's process would not do: what waits in its socket is read when it goes on.
   */
  async holdBack(replicas: readonly RedisServer[] = this.replicas): Promise<void> {
    for (const replica of replicas) {
      await command(replica, 'CONFIG', 'SET', ...Object.entries(NOBODY).flat());
      await command(replica, 'CLIENT', 'KILL', 'TYPE', 'master');
      await ask(replica, async (client) => (await replicationOf(client)).includes('master_link_status:down'));
    }
  }

  /** Lets all replicas follow again; resolves when they do. */
  async replicate(): Promise<void> {
    const { primary } = this;
    await this.#letFollow();
    for (const replica of this.#running()) await ask(replica, (client) => follows(client, primary));
  }

  /**
   * Kills the primary; resolves when a replica has been promoted, every Sentinel says so, and the other replica follows
   * it. No server may be paused.
   */
  async failover(): Promise<void> {
    const { primary: old } = this;
    await old.kill();
    await this.#letFollow();
    const candidates = this.#running();
    const promoted = await ask(this.sentinels[0]!, async (client) => {
      const port = await primaryPort(client);
      return candidates.find((replica) => replica.port === port);
    });
    await ask(promoted, async (client) => (await replicationOf(client)).includes('role:master'));
    for (const sentinel of this.sentinels) {
      await ask(sentinel, async (client) => (await primaryPort(client)) === promoted.port);
    }
    const others = candidates.filter((replica) => replica !== promoted);
    for (const other of others) await ask(other, (client) => follows(client, promoted));
    const dead = this.replicas.filter((replica) => !candidates.includes(replica));
    this.primary = promoted;
    this.replicas = [...others, ...dead, old];
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    await Promise.all([...this.sentinels, this.primary, ...this.replicas].map((server) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #letFollow(): Promise<void> {
    const options = Object.keys(NOBODY).flatMap((option) => [option, '']);
    for (const replica of this.#running()) await command(replica, 'CONFIG', 'SET', ...options);
  }

  #running(): RedisServer[] {
    return this.replicas.filter(({ running }) => running);
  }
}

function startSentinel(primaryPort: number): Promise<RedisServer> {
  return RedisServer.start({
    sentinel: [
      `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 2`,
      // Well above the second between two of its questions: else it takes a primary that it has just met for dead.
      `sentinel down-after-milliseconds ${NAME} 2000`,
      `sentinel failover-timeout ${NAME} 3000`,
      // Both replicas are to follow the new primary at once.
      `sentinel parallel-syncs ${NAME} ${REPLICAS}`,
    ],
  });
}

async function primaryPort(sentinel: Redis): Promise<number> {
  const address = (await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string] | null;
  return Number(address?.[1]);
}

async function replicationOf(client: Redis): Promise<string> {
  return client.info('replication');
}

async function follows(replica: Redis, primary: RedisServer): Promise<boolean> {
  const state = await replicationOf(replica);
  return state.includes(`master_port:${primary.port}\r\n`) && state.includes('master_link_status:up');
}

/** Whether a Sentinel knows the replicas and the other Sentinels; before that nobody is promoted. */
async function isReadyToPromote(sentinel: Redis): Promise<boolean> {
  const info = await sentinel.info('sentinel');
  const replicas = String(await sentinel.call('SENTINEL', 'REPLICAS', NAME));
  return (
    info.includes('status=ok') &&
    info.includes(`slaves=${REPLICAS},sentinels=${SENTINELS}`) &&
    replicas.split('master-link-status,ok').length === REPLICAS + 1
  );
}

async function command(server: RedisServer, ...[name, ...args]: [string, ...string[]]): Promise<void> {
  const client = server.client();
  await client.call(name, ...args);
  client.disconnect();
}

/** Asks a server until the answer is truthy. */
async function ask<T>(server: RedisServer, question: (client: Redis) => Promise<T>): Promise<NonNullable<T>> {
  const client = server.client();
  const answer = await until(() => question(client), {
    describe: 'the replicas and the Sentinels to agree',
    within: 30_000,
  });
  client.disconnect();
  return answer;
}
