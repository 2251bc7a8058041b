/* A process in which many callers wait for one name. */
import { createLockService, type Lock, type LockService } from '../../lib/index.js';
import { connect } from '../contestants/contestant.js';
import { memory } from '../support/memory.js';
import { serve } from '../support/serve.js';

export interface Queue {
  name: string;
  callers: number;
}

const FOREVER = { wait: Number.POSITIVE_INFINITY };

let service: LockService;
let waiting: Promise<unknown>[] = [];
let inside = 0;

/** An empty body. */
async function use(lock: Lock): Promise<void> {
  inside += 1;
  if (inside > 1) throw new Error('Two were inside at once');
  inside -= 1;
  await lock.release();
}

const handlers = {
  async open(url: string): Promise<void> {
    service = await createLockService({ redis: await connect(url) });
    await use(await service.acquire('warm', FOREVER));
  },

  /** Resolves, while they wait, to the bytes of heap for each. */
  async join({ name, callers }: Queue): Promise<number> {
    const before = await memory();
    for (let count = 0; count < callers; count += 1) waiting.push(service.acquire(name, FOREVER).then(use));
    const after = await memory();
    return (after.heap - before.heap) / callers;
  },

  /** Resolves when all have had their turn, to how many that were. */
  async drained(): Promise<number> {
    const { length } = await Promise.all(waiting);
    waiting = [];
    return length;
  },
};

serve(handlers);
export type QueuerHandlers = typeof handlers;
