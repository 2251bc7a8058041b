// Takes a lock, blocks its event loop until so much of the lease is left, and tells what happened in which order.
import { createLockService, type LockModuleOptions, MemoryLockStore } from '../../../lib/index.js';

export interface StallReport {
  /** What became of things, in order. `before the stall` is always the first. */
  order: string[];
  held: boolean;
  sameToken: boolean;
}

const { url, namespace, ttl, leave, renewing, look } = JSON.parse(process.argv[2] ?? '') as {
  /** Of Redis; none: in memory. */
  url?: string;
  namespace: string;
  ttl: number;
  /** How much of the lease is left when the stall ends, in ms; less than nothing: it has ended. */
  leave: number;
  /** 1: a renewal is under way when the stall begins. */
  renewing: number;
  /** 1: the first callback after the stall looks at the lock itself. */
  look: number;
};

const common: LockModuleOptions = url === undefined ? { store: new MemoryLockStore() } : { redis: url };
const service = await createLockService({ ...common, namespace, shutdownGrace: 0 });
const order: string[] = [];
const note = (event: string) => (): void => void order.push(event);

const lock = await service.acquire('lock', { ttl });
const { signal, fencingToken } = lock;
signal.addEventListener('abort', note('aborted'));
const next = service.acquire('lock', { ttl }).then(note('the next caller has it'), note('nobody has it'));
while ((await service.inspect('lock')).waiting.length === 0);

if (renewing) {
  lock.extend().then(note('renewed'), note('renewal refused'));
  // Enough for it to be sent, and no look at the sockets: the answer comes during the stall.
  for (let tick = 0; tick < 20; tick += 1) await new Promise<void>((resolve) => process.nextTick(resolve));
}
const end = performance.now() + lock.remaining() - leave;
if (look) setImmediate(() => order.push(`held: ${lock.held}`, `aborted: ${lock.signal.aborted}`));
while (performance.now() < end);
order.push('the stall is over');

const report = (): StallReport => ({ order, held: lock.held, sameToken: lock.fencingToken === fencingToken });
const checks = setInterval(() => {
  // Either it was renewed, and has more left than the stall had left it, or it is lost and somebody else has it.
  const settled = lock.remaining() > leave && (!renewing || order.includes('renewed'));
  if (leave > 0 && !signal.aborted && !settled) return;
  if (leave < 0 && !order.includes('the next caller has it')) return;
  clearInterval(checks);
  process.stdout.write(`${JSON.stringify(report())}\n`);
  void service.close().then(() => next);
}, 10);
