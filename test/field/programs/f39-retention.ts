// Does with locks what requests do, each in an async context with data of its own, and tells whose data is left.
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  createLockService,
  type Lock,
  type LockModuleOptions,
  type LockService,
  MemoryLockStore,
} from '../../../lib/index.js';

const { url, namespace } = JSON.parse(process.argv[2] ?? '') as { url?: string; namespace: string };
const { gc } = globalThis as unknown as { gc(): void };

const request = new AsyncLocalStorage<object>();
const kept = new Map<string, WeakRef<object>>();

/** Runs `work` as the request of that name. Nothing else knows the data of the request. */
async function as<T>(name: string, work: () => Promise<T>): Promise<T> {
  const data = { name, much: new Array(1_000).fill(name) };
  kept.set(name, new WeakRef(data));
  return request.run(data, work);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const store = new MemoryLockStore();
const quiet = { warn: (): void => {}, error: (): void => {} };
const open = (): Promise<LockService> => {
  const where: LockModuleOptions = url === undefined ? { store } : { redis: url };
  return createLockService({
    ...where,
    namespace,
    logger: quiet,
    shutdownGrace: 0,
    defaults: { ttl: '1h', wait: '1h' },
  });
};

const [locks, other] = [await as('makes the service', open), await as('makes the other service', open)];
await as('is the first', () => locks.run('a', () => {}));
await as('is the first of the other', () => other.run('a', () => {}));

// These last, and are nobody's request.
const held = await locks.acquire('held');
const standing = locks.elect('lead', { onElected: () => {} });
const waiting = other.acquire('wanted').catch(() => {});
let heldBefore: Lock | undefined = await locks.acquire('contended');
const queued = other.run('contended', () => sleep(1)).catch(() => {});

await as('runs', () => locks.run('b', { holdAtLeast: 1 }, () => {}));
await as('extends', async () => {
  const lock = await locks.acquire('c', { ttl: '1m' });
  await lock.extend('2m');
  await lock.release();
});
await as('listens, and releases', async () => {
  const lock = await locks.acquire('d');
  lock.signal.addEventListener('abort', () => {});
  lock.signal.onabort = () => {};
  lock.onReleaseRequested(() => {});
  await lock.release();
});
await as('listens, and loses', async () => {
  const lock = await locks.acquire('e');
  lock.onReleaseRequested(() => {});
  const lost = new Promise((resolve) => lock.signal.addEventListener('abort', resolve));
  await other.forceRelease('e');
  await lost;
});
await as('waits in vain', () => other.acquire('held', { wait: 20 }).catch(() => {}));
await as('tries in vain', () => other.tryAcquire('held'));
await as('hands over to a waiter', async () => heldBefore?.release());
// Whoever has a lock has what belongs to it.
heldBefore = undefined;
await queued;
await as('asks for a release', () => other.requestRelease('held'));
await as('looks', () => other.inspect('held'));
await as('does once', () => locks.once('done', { remember: '1m' }, () => {}));
await as('stands, and resigns', async () => {
  let lead!: () => void;
  const leads = new Promise<void>((resolve) => {
    lead = resolve;
  });
  const election = locks.elect('other lead', { onElected: lead });
  await leads;
  await election.resign();
});
await as('nudges those who wait', async () => {
  const lock = await locks.tryAcquire('wanted');
  await lock?.release();
});

// Two turns: a weak reference that was made or looked at keeps its object for the rest of the turn.
let left: string[] = [];
for (let rounds = 0; rounds < 20; rounds += 1) {
  await sleep(50);
  gc();
  left = [...kept].filter(([, data]) => data.deref() !== undefined).map(([name]) => name);
  if (left.length === 0) break;
}
process.stdout.write(`${JSON.stringify({ left, held: held.held })}\n`);
await (await waiting)?.release();
await standing.resign();
await Promise.all([locks.close(), other.close()]);
