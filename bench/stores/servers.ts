import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stores } from './ensure-stores.js';
import { ownDirectory, spawnOwned } from './owned.js';

export type StoreName = 'redis' | 'redis-aof' | 'etcd' | 'zookeeper';

export type Addresses = Readonly<Record<StoreName, string>>;

/** One node each, on a free port of 127.0.0.1, with its data in a directory of its own; they run until `endOwned`. */
export async function startStores(stores: Stores): Promise<Addresses> {
  const [redis, aof, etcd, zookeeper] = await Promise.all([
    startRedis(stores, ['--appendonly', 'no']),
    // As durable as the other two, which sync their log to the disk before they answer.
    startRedis(stores, ['--appendonly', 'yes', '--appendfsync', 'always']),
    startEtcd(stores),
    startZooKeeper(stores),
  ]);
  return { redis: `redis://${redis}`, 'redis-aof': `redis://${aof}`, etcd, zookeeper };
}

async function startRedis({ redis }: Stores, durability: string[]): Promise<string> {
  const port = await freePort();
  const directory = ownDirectory();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', ...durability];
  return start('Redis', redis, args, port, async () => (await ask(port, 'PING\r\n')).startsWith('+PONG'));
}

async function startEtcd({ etcd }: Stores): Promise<string> {
  const port = await freePort();
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const args = [
    ...['--name', 'bench', '--data-dir', ownDirectory(), '--log-level', 'error'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `bench=${peer}`],
  ];
  return start('etcd', etcd, args, port, async () =>
    /"health":"true"/.test(await (await fetch(`${client}/health`)).text()),
  );
}

async function startZooKeeper({ zookeeperJar }: Stores): Promise<string> {
  const port = await freePort();
  const directory = ownDirectory();
  const config = join(directory, 'zoo.cfg');
  writeFileSync(
    config,
    // Sessions expire in steps of a tick, so the usual 2 s would add up to 2 s to a lease of 5 s.
    ['tickTime=500', `dataDir=${directory}`, `clientPort=${port}`, 'clientPortAddress=127.0.0.1']
      .concat('maxClientCnxns=0', 'admin.enableServer=false', '')
      .join('\n'),
  );
  const main = 'org.apache.zookeeper.server.ZooKeeperServerMain';
  const args = ['-Xmx512m', '-cp', zookeeperJar, main, config];
  return start('ZooKeeper', 'java', args, port, async () => (await ask(port, 'srvr')).includes('Mode: standalone'));
}

async function start(
  title: string,
  command: string,
  args: string[],
  port: number,
  ready: () => Promise<boolean>,
): Promise<string> {
  const child = spawnOwned(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (chunk: string) => {
      log = (log + chunk).slice(-2_000);
    });
  }
  let ended = false;
  child.once('error', (error) => {
    log += error.message;
    ended = true;
  });
  child.once('exit', () => {
    ended = true;
  });
  for (let tries = 0; !(await ready().catch(() => false)); tries += 1) {
    if (ended || tries > 300) throw new Error(`${title} on port ${port} did not start:\n${log}`);
    await sleep(100);
  }
  return `127.0.0.1:${port}`;
}

/** The first bytes of the answer of a server that speaks text. */
function ask(port: number, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(question));
    let answer = '';
    socket.setEncoding('utf8').setTimeout(1_000, () => socket.destroy());
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (answer.startsWith('+')) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(answer));
  });
}

/** Below the ports that systems pick as source ports. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}
