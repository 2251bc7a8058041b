// One process of the distributed system that is put to the test. Its argument is a `WorkerOptions`.
import { setTimeout as sleep } from 'node:timers/promises';
import { createLockService, type LockService } from '../../../lib/index.js';
import { now } from '../history/event.js';
import { Recorder } from '../history/history.js';
import { watchLag } from '../lag.js';
import { Random } from '../random.js';
import type { GuardedWrite } from '../register.js';
import { connectTo } from './connect.js';
import { OnceWorkload } from './once-workload.js';
import type { Message, Order, WorkerOptions } from './orders.js';
import { Requests } from './requests.js';
import { Workload } from './workload.js';

const LOOPS = 3;
const FIFO_LOOPS = 2;
/** One asks while the other holds, so that the queue is never empty. */
const HOT_LOOPS = 2;
const SWEPT_WITHIN_MS = 12_000;
/** Sockets close later than they are told to, one that the server answers `WAIT` on after half the `commandTimeout`. */
const CLOSING_MS = 3_000;

const options = JSON.parse(process.argv[2] as string) as WorkerOptions;
const recorder = new Recorder(options.directory, options.worker);
const random = new Random(options.seed);
const realDateNow = Date.now;

let draining = false;
let writes = 0;
const answers = new Map<number, (accepted: boolean) => void>();

function say(message: Message): void {
  process.send?.(message);
}

function writeGuarded(write: GuardedWrite): Promise<boolean> {
  writes += 1;
  const id = writes;
  say({ say: 'write', id, write });
  return new Promise((resolve) => answers.set(id, resolve));
}

const connected = connectTo(options.source, options.worker);
const services = { usual: await open({}), fifo: await open({ max: 0 }) };
// Connected, before anything is broken.
for (const locks of Object.values(services)) await locks.inspect('first').catch(() => {});
const requests = new Requests(options.worker, { recorder, write: writeGuarded });
const { retains, epoch } = options;
const workload = new Workload({ requests, services, retains });
const onceWorkload = new OnceWorkload({ requests, service: services.usual, retains, epoch });
const loops = Array.from({ length: LOOPS + FIFO_LOOPS }, (_, index) =>
  workload.loop(random.fork(String(index)), () => draining, index >= LOOPS),
);
for (let index = 0; index < HOT_LOOPS; index += 1) {
  loops.push(workload.loopHot(random.fork(`hot-${index}`), () => draining));
}
loops.push(onceWorkload.loop(random.fork('once'), () => draining));

function open(localHandOver: { max?: number }): Promise<LockService> {
  const { worker: instance, namespace, replicas } = options;
  const silent = { warn: () => {}, error: () => {} };
  const defaults = { replicas, ttl: 2_000 };
  const times = { commandTimeout: 3_000, shutdownGrace: 1_000 };
  return createLockService({
    namespace,
    instance,
    localHandOver,
    defaults,
    ...times,
    logger: silent,
    ...connected.options,
  });
}

async function drain(within: number): Promise<void> {
  draining = true;
  const swept = onceWorkload.sweep(random.fork('sweep'), SWEPT_WITHIN_MS);
  await Promise.all([workload.probe(within), swept, ...loops]);
  await workload.idle();
  say({ say: 'drained' });
}

/** From here on nothing may keep the process alive. */
async function close(): Promise<void> {
  await Promise.all([services.usual.close(), services.fifo.close()]);
  connected.close();
  stopWatching();
  process.disconnect();
  await sleep(CLOSING_MS);
  const resources = process.getActiveResourcesInfo();
  recorder.record({ at: now(), kind: 'closed', worker: options.worker, resources });
}

process.on('message', (order: Order) => {
  switch (order.do) {
    case 'written':
      answers.get(order.id)?.(order.accepted);
      answers.delete(order.id);
      return;
    case 'stall':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, order.ms);
      return;
    case 'clock':
      Date.now = () => realDateNow() + order.offset;
      return;
    case 'refresh':
      connected.refresh?.(order.password);
      say({ say: 'refreshed' });
      return;
    case 'drain':
      void drain(order.within);
      return;
    case 'close':
      void close();
      return;
  }
});

const stopWatching = watchLag((at, until) => recorder.record({ at, kind: 'delayed', until, worker: options.worker }));

// Without the harness there is nothing to do.
process.once('disconnect', () => {
  if (!draining) process.exit(1);
});

say({ say: 'ready' });
