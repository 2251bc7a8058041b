import { until } from '../../support/event.js';
import { RedisServer } from '../../support/redis-server.js';
import { ask } from './ask.js';
import type { Store } from './store.js';

const PROMOTED_WITHIN_MS = 30_000;

/** A primary and its replica behind one address, which moves when they change places, as a managed service has it. */
export async function startEndpoint(): Promise<Store> {
  const args = ['--repl-diskless-sync-delay', '0'];
  const servers = [await RedisServer.start({ args }), await RedisServer.start({ args })] as const;
  const address = servers[0].port;
  let [primary, replica] = servers;
  const whole = async (): Promise<void> => {
    await until(async () => (await isInStep(replica, primary)) || void (await follow(replica, primary)), {
      describe: 'the replica to follow',
      within: PROMOTED_WITHIN_MS,
    });
  };
  await whole();
  return {
    servers,
    get reached() {
      return [{ port: address, leadsTo: primary.port }];
    },
    source: (proxyPort) => ({ kind: 'single', port: proxyPort(address) }),
    primaries: async () => [primary],
    whole,
    handOver: async (planned, redirect) => {
      await whole();
      if (planned) await ask(primary, 'FAILOVER', 'TO', '127.0.0.1', replica.port);
      else await ask(replica, 'REPLICAOF', 'NO', 'ONE');
      const leads = async (): Promise<boolean> => (await roleOf(replica)) === 'master';
      await until(leads, { describe: 'the replica to take over', within: PROMOTED_WITHIN_MS });
      [primary, replica] = [replica, primary];
      redirect(primary.port);
      await whole();
    },
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

async function isInStep(replica: RedisServer, primary: RedisServer): Promise<boolean> {
  const info = String(await ask(replica, 'INFO', 'replication'));
  return info.includes(`master_port:${primary.port}`) && info.includes('master_link_status:up');
}

async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  const info = String(await ask(replica, 'INFO', 'replication'));
  if (!info.includes(`master_port:${primary.port}`)) await ask(replica, 'REPLICAOF', '127.0.0.1', primary.port);
}

async function roleOf(server: RedisServer): Promise<unknown> {
  const role = await ask(server, 'ROLE');
  return Array.isArray(role) ? role[0] : undefined;
}
