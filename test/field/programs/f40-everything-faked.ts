// Uses locks while every timer, tick and clock is a fake under which time stands still, and afterwards.
import type { LockModuleOptions, LockService, RedisClient } from '../../../lib/index.js';

const given = JSON.parse(process.argv[2] ?? '') as {
  store: 'memory' | 'Redis' | 'Sentinel' | 'quorum' | 'a client' | 'a Cluster';
  /** Of all the servers, with spaces between them; for Sentinel that of the primary, too. */
  urls: string;
  /** For Sentinel. */
  sentinels: string;
  namespace: string;
  /** `before` or `after` the package is loaded. */
  faked: 'before' | 'after';
  /** 1: the server ends all connections while the timers are fakes. */
  loses: number;
};
const { namespace, faked, loses } = given;
const urls = given.urls.split(' ').filter(Boolean);

const PATIENCE_MS = 8_000;
const real = { setTimeout, clearTimeout, Date };
const sleep = (ms: number): Promise<void> => new Promise((resolve) => void real.setTimeout(resolve, ms));

/** As Sinon does it: the fake knows its clock, and the clock the original. Nothing that is given to it ever happens. */
function fakeEverything(): () => void {
  const restore: (() => void)[] = [];
  const clock: Record<string, unknown> = {};
  const put = (target: object, name: string, fake: object): void => {
    const original = Object.getOwnPropertyDescriptor(target, name) as PropertyDescriptor;
    clock[`_${name}`] = (target as Record<string, unknown>)[name];
    Object.defineProperty(target, name, { configurable: true, writable: true, value: Object.assign(fake, { clock }) });
    restore.push(() => Object.defineProperty(target, name, original));
  };
  const never = () => () => ({ ref: never(), unref: never(), hasRef: () => true });
  for (const name of ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask']) put(globalThis, name, never());
  for (const name of ['clearTimeout', 'clearInterval', 'clearImmediate']) put(globalThis, name, () => {});
  put(globalThis, 'performance', { now: () => 0, timeOrigin: 0 });
  class StoppedDate extends real.Date {
    static override now = (): number => 0;
  }
  put(globalThis, 'Date', StoppedDate);
  put(process, 'nextTick', () => {});
  put(process, 'hrtime', () => [0, 0]);
  return () => {
    for (const one of restore) one();
  };
}

async function outcome(work: () => Promise<unknown>): Promise<string> {
  const ended = work().then(
    () => 'ok',
    (error) => `${error.code ?? error.name}: ${error.message}`,
  );
  let timer: NodeJS.Timeout | undefined;
  const hangs = new Promise<string>((resolve) => {
    timer = real.setTimeout(() => resolve('hangs'), PATIENCE_MS);
  });
  return Promise.race([ended, hangs]).finally(() => real.clearTimeout(timer));
}

const quiet = { warn: (): void => {}, error: (): void => {} };
const seen: Record<string, string> = {};

let endFakes = faked === 'before' ? fakeEverything() : undefined;
const { createLockService, MemoryLockStore } = await import('../../../lib/index.js');
if (faked === 'before') endFakes?.();
const { Cluster, Redis } = await import('ioredis');
const admins = urls.map((url) => new Redis(url));
for (const admin of admins) {
  // With a listener of ours it reads also while ticks are fakes.
  await admin.ping();
  (admin as unknown as { stream: NodeJS.ReadableStream }).stream.on('data', () => {});
}

function address(of: string): { host: string; port: number; connectionName: string } {
  const { hostname: host, port } = new URL(of);
  return { host, port: Number(port), connectionName: namespace };
}

/** Where the locks are. Clients that are handed in are there from the beginning. */
function place(): LockModuleOptions {
  const [first = ''] = urls;
  switch (given.store) {
    case 'memory':
      return { store: new MemoryLockStore() };
    case 'Redis':
      return { redis: address(first) };
    case 'Sentinel':
      return {
        redis: {
          sentinels: given.sentinels.split(' ').map(address),
          name: 'primary',
          connectionName: namespace,
          connectTimeout: 1_000,
        },
      };
    case 'quorum':
      return { quorum: urls.map(address) };
    case 'a client':
      return { redis: new Redis(address(first)) };
    case 'a Cluster':
      return { redis: new Cluster(urls.map(address)) as unknown as RedisClient };
  }
}

const where = place();
const handedIn = given.store.startsWith('a ');
const open = (): Promise<LockService> =>
  createLockService({
    ...where,
    namespace,
    commandTimeout: '2s',
    logger: quiet,
    defaults: { ttl: 1_500 },
    longestTtl: 1_500,
  } as LockModuleOptions);

async function ours(): Promise<string[]> {
  const lists = await Promise.all(admins.map((admin) => admin.client('LIST')));
  return lists.flatMap((list) => String(list).split('\n')).filter((line) => line.includes(`name=${namespace}`));
}

async function hangUp(): Promise<void> {
  for (const line of await ours()) {
    const [, id = '', port = ''] = /^id=(\d+) .* laddr=\S+:(\d+)/.exec(line) ?? [];
    const admin = admins.find(({ options }) => options.port === Number(port));
    await admin?.client('KILL', 'ID', id);
  }
}

/** A free lock, in every way. */
async function exercise(when: string, one: LockService, other: LockService): Promise<void> {
  const note = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    seen[`${when}: ${what}`] = await outcome(work);
  };
  await note('run', () => one.run('a', () => {}));
  await note('acquire, extend, release', async () => {
    const lock = await one.acquire(['b', 'c']);
    await lock.extend();
    await lock.release();
  });
  await note('shared', () =>
    one.run('s', { mode: 'shared', permits: 2 }, () => other.run('s', { mode: 'shared', permits: 2 }, () => {})),
  );
  await note('once', () => one.once(`done ${when}`, { remember: '1m' }, () => {}));
  await note('a try in vain', async () => {
    const lock = await one.acquire('d');
    if (await other.tryAcquire('d')) throw new Error('two holders');
    await lock.release();
  });
  await note('a wait', async () => {
    const lock = await one.acquire('e');
    const next = other.acquire('e', { wait: '5s' });
    await sleep(50);
    await lock.release();
    await (await next).release();
  });
  await note('a wait that ends', async () => {
    const lock = await one.acquire('f');
    const error = await other.acquire('f', { wait: 100 }).catch(({ code }) => code);
    if (error !== 'LOCK_BUSY') throw new Error(String(error));
    await lock.release();
  });
  await note('a lease that ends', async () => {
    const lock = await one.acquire('g', { ttl: 200, renew: false });
    await new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
  });
  await note('an election', async () => {
    let lead!: () => void;
    const leads = new Promise<void>((resolve) => {
      lead = resolve;
    });
    const election = one.elect('h', { onElected: lead });
    await leads;
    await election.resign();
  });
}

const [one, other] = [await open(), await open()];
seen['before: run'] = await outcome(() => Promise.all([one, other].map((locks) => locks.run('warm', () => {}))));
// A client that was handed in is connected before, to each node. What it would open under fakes is its owner's.
if (given.store === 'a Cluster')
  await Promise.all((where.redis as InstanceType<typeof Cluster>).nodes().map((node) => node.ping()));

endFakes = fakeEverything();
await exercise('under fakes', one, other);
const fresh = await open();
seen['under fakes: a new service'] = await outcome(() => fresh.run('fresh', () => {}));
if (loses) {
  await hangUp();
  seen['under fakes: after the connections were lost'] = await outcome(() => one.run('again', () => {}));
}
// One test starts something that takes a lock, and does not wait for it.
const left = [one, other, fresh].map((locks) => locks.run('left', () => {}).catch(() => {}));
const closed = await open();
seen['under fakes: another service'] = await outcome(() => closed.run('closed', () => {}));
seen['under fakes: close'] = await outcome(() => closed.close());
endFakes();

seen['with real timers: what was left behind'] = await outcome(() => Promise.all(left));
for (const locks of [one, other, fresh]) {
  // What could not be opened meanwhile is opened now, and whoever comes before that is told.
  let back = '';
  for (let rounds = 0; rounds < 100 && back !== 'ok'; rounds += 1) {
    back = await outcome(() => locks.run('back', () => {}));
    await sleep(20);
  }
}
await exercise('with real timers', one, other);
await exercise('with real timers, the new service', fresh, one);
seen['with real timers: close'] = await outcome(() => Promise.all([one, other, fresh].map((locks) => locks.close())));
// Every connection is given back.
if (handedIn) (where as { redis: RedisClient }).redis.disconnect();
for (let rounds = 0; rounds < 100 && (await ours()).length > 0; rounds += 1) await sleep(50);
seen['with real timers: connections'] = (await ours()).length === 0 ? 'ok' : 'left open';
for (const admin of admins) admin.disconnect();
process.stdout.write(`${JSON.stringify(seen)}\n`);
