// What locks cost Redis while they are held and waited for: the constants of docs/production.md.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { createLockService, type Lock, type LockModuleOptions, type LockService } from '../../lib/index.js';
import { RedisCluster } from '../../test/support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';

const quiet = { warn: (): void => {}, error: (): void => {} };
const MINUTE_MS = 60_000;
/** Until everybody stands in the queue, and messages are proven to arrive. */
const SETTLE_MS = 8_000;

interface Watched {
  readonly where: string;
  readonly hasBus: boolean;
  readonly admins: readonly Redis[];
  open(): Promise<LockService>;
}

async function sum(admins: readonly Redis[], section: 'memory' | 'commandstats' | 'cluster', pattern: RegExp) {
  const texts = await Promise.all(
    admins.map((admin) => (section === 'cluster' ? admin.cluster('INFO') : admin.info(section))),
  );
  const found = texts.flatMap((text) => [...String(text).matchAll(pattern)]);
  return found.reduce((total, [, number]) => total + Number(number), 0);
}

const calls = ({ admins }: Watched) => sum(admins, 'commandstats', /cmdstat_eval(?:sha)?:calls=(\d+)/g);
const busMessages = ({ admins }: Watched) => sum(admins, 'cluster', /messages_publish_sent:(\d+)/g);

function print(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(58)} ${value.toFixed(value < 10 ? 2 : 0).padStart(7)} ${unit}`);
}

/** What `fill` adds to the memory of a server, for each of `count`. */
async function bytes(what: string, count: number, { admins }: Watched, fill: () => Promise<unknown>): Promise<void> {
  const used = () => sum(admins, 'memory', /used_memory:(\d+)/g);
  const before = await used();
  await fill();
  print(what, ((await used()) - before) / count, 'bytes');
}

async function memory(on: Watched): Promise<void> {
  const count = 20_000;
  const names = Array.from({ length: count }, (_, index) => `order:${String(index).padStart(8, '0')}`);
  await using holder = await on.open();
  await using waiter = await on.open();
  for (const locks of [holder, waiter]) await locks.run('warm', () => {});
  let held: Lock[] = [];
  const enough = new AbortController();
  const waits: Promise<unknown>[] = [];
  await bytes('a lock that is held', count, on, async () => {
    held = await Promise.all(names.map((name) => holder.acquire(name, { ttl: '1h' })));
  });
  await bytes('the first process that waits for a lock', count, on, async () => {
    const options = { wait: '1h', signal: enough.signal } as const;
    for (const name of names) waits.push(waiter.acquire(name, options).catch(() => {}));
    await sleep(SETTLE_MS);
  });
  enough.abort();
  await Promise.all(waits);
  await Promise.all(held.map((lock) => lock.release()));
  await bytes('a mark of once()', count, on, () =>
    Promise.all(names.map((name) => holder.once(`once:${name}`, { remember: '1h' }, () => {}))),
  );
}

/** By how much `count` grows in a minute. */
async function aMinute(what: string, count: () => Promise<number>): Promise<void> {
  const before = await count();
  await sleep(MINUTE_MS);
  print(what, ((await count()) - before) / 60, 'a second');
}

/** What it takes to wait for `count` locks for a minute. */
async function waiting(count: number, on: Watched): Promise<void> {
  const { where, hasBus } = on;
  await using holder = await on.open();
  await using waiter = await on.open();
  const names = Array.from({ length: count }, (_, index) => `waited:${index}`);
  const held = await Promise.all(names.map((name) => holder.acquire(name, { ttl: '1h' })));
  const enough = new AbortController();
  const waits = names.map((name) => waiter.acquire(name, { wait: '1h', signal: enough.signal }).catch(() => {}));
  await sleep(SETTLE_MS);
  await Promise.all([
    aMinute(`${where}: calls, while a process waits for ${count} locks`, () => calls(on)),
    hasBus && aMinute(`${where}: messages on the bus meanwhile`, () => busMessages(on)),
  ]);
  enough.abort();
  await Promise.all(waits);
  await Promise.all(held.map((lock) => lock.release()));
}

async function handOvers(on: Watched): Promise<void> {
  await using one = await on.open();
  await using two = await on.open();
  for (const locks of [one, two]) await locks.run('warm', () => {});
  const rounds = 200;
  let before = 0;
  for (let round = -20; round < rounds; round += 1) {
    if (round === 0) before = await busMessages(on);
    const held = await one.acquire('handed');
    const next = two.acquire('handed');
    while ((await one.inspect('handed')).waiting.length === 0) await sleep(1);
    await held.release();
    await (await next).release();
  }
  print(`${on.where}: messages on the bus for a hand-over`, ((await busMessages(on)) - before) / rounds, '');
}

const server = await RedisServer.start();
const options: LockModuleOptions = { logger: quiet, shutdownGrace: 0 };
const single: Watched = {
  where: 'one server',
  hasBus: false,
  admins: [server.client],
  open: () => createLockService({ ...options, redis: server.url }),
};
await memory(single);
await waiting(1, single);
await waiting(2_000, single);
await server[Symbol.asyncDispose]();

const cluster = await RedisCluster.start({ replicas: 1 });
const clustered: Watched = {
  where: 'a Cluster',
  hasBus: true,
  admins: cluster.nodes.map((node) => node.client()),
  open: () => createLockService({ ...options, redis: cluster.client() }),
};
await handOvers(clustered);
await waiting(1, clustered);
await waiting(500, clustered);
await cluster.stop();
process.exit(0);
