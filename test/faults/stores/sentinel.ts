import { until } from '../../support/event.js';
import { RedisSentinel } from '../../support/redis-sentinel.js';
import type { RedisServer } from '../../support/redis-server.js';
import { ask } from './ask.js';
import { natOf, type Store } from './store.js';

/** Sentinels that were of two minds may need several rounds of their own time-outs. */
const SETTLED_WITHIN_MS = 120_000;

/** A primary, its replicas, and the Sentinels that exchange them. */
export async function startSentinel(): Promise<Store> {
  const group = await RedisSentinel.start();
  const servers = [group.primary, ...group.replicas];
  const reached = [...servers, ...group.sentinels];
  const whole = (): Promise<void> => reunite(group, servers);
  return {
    servers,
    reached,
    source: (proxyPort) => ({
      kind: 'sentinel',
      name: group.name,
      sentinels: group.sentinels.map(({ port }) => proxyPort(port)),
      nat: natOf(reached, proxyPort),
    }),
    primaries: async () => [await agreedPrimary(group, servers)],
    whole,
    failOver: async () => {
      const former = await agreedPrimary(group, servers);
      await former.kill();
      await until(async () => (await agreedPrimary(group, servers)) !== former, { within: SETTLED_WITHIN_MS });
      await former.restart();
      await whole();
    },
    stop: () => group.stop(),
  };
}

/** The one that all Sentinels name, once it agrees. */
function agreedPrimary(group: RedisSentinel, servers: readonly RedisServer[]): Promise<RedisServer> {
  const named = async (): Promise<RedisServer | undefined> => {
    const answers = await Promise.all(
      group.sentinels.map((sentinel) => ask(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group.name)),
    );
    const ports = new Set(answers.map((answer) => (Array.isArray(answer) ? Number(answer[1]) : 0)));
    const primary = servers.find(({ port }) => ports.size === 1 && ports.has(port));
    return primary && (await roleOf(primary)) === 'master' ? primary : undefined;
  };
  return until(named, { describe: 'the Sentinels to agree on a primary', within: SETTLED_WITHIN_MS });
}

/** Sentinel itself takes ten seconds to turn a former primary into a replica. */
async function reunite(group: RedisSentinel, servers: readonly RedisServer[]): Promise<void> {
  const follows = async (): Promise<boolean> => {
    const primary = await agreedPrimary(group, servers);
    for (const server of servers.filter((each) => each !== primary)) {
      const info = String(await ask(server, 'INFO', 'replication'));
      // Not by way of another replica: the primary does not count that one.
      if (!info.includes(`master_port:${primary.port}`)) await demote(server, primary);
      if (!info.includes('master_link_status:up') || !info.includes(`master_port:${primary.port}`)) return false;
    }
    return true;
  };
  await until(follows, { describe: 'the replica to follow the primary', within: SETTLED_WITHIN_MS });
}

/** With what Sentinel sends: its clients have to ask anew who the primary is. */
async function demote(server: RedisServer, primary: RedisServer): Promise<void> {
  await ask(server, 'REPLICAOF', '127.0.0.1', primary.port);
  for (const type of ['normal', 'pubsub']) await ask(server, 'CLIENT', 'KILL', 'TYPE', type);
}

async function roleOf(server: RedisServer): Promise<string> {
  const role = await ask(server, 'ROLE');
  return Array.isArray(role) ? String(role[0]) : '';
}
