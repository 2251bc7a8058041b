/* One of the two processes between which a lock is handed over. */
import type { Redis } from 'ioredis';
import { connect, type Locks } from '../contestants/contestant.js';
import { loadContestant } from '../contestants/load.js';
import { monotonic } from '../support/clock.js';
import { serve } from '../support/serve.js';

const CHANNEL = 'bench:hand-over';

const locks = new Map<string, Locks>();
const held = new Map<string, unknown>();
let publisher: Redis;
let heard: (time: number) => void = () => {};

function locksOf(contestant: string): Locks {
  const found = locks.get(contestant);
  if (!found) throw new Error(`${contestant} is not open`);
  return found;
}

const handlers = {
  async open({ contestants, url }: { contestants: string[]; url: string }): Promise<void> {
    for (const name of contestants) locks.set(name, await (await loadContestant(name)).open(url));
    publisher = await connect(url);
    const subscriber = await connect(url);
    subscriber.on('message', () => heard(monotonic()));
    await subscriber.subscribe(CHANNEL);
  },

  /** Resolves to when it was granted. */
  async acquire(contestant: string): Promise<number> {
    const lock = await locksOf(contestant).acquire('handed-over');
    const granted = monotonic();
    held.set(contestant, lock);
    return granted;
  },

  /** Resolves to when it began. */
  async release(contestant: string): Promise<number> {
    const begun = monotonic();
    await locksOf(contestant).release(held.get(contestant));
    return begun;
  },

  /** Resolves to when a message arrives. */
  hear: (): Promise<number> =>
    new Promise((resolve) => {
      heard = resolve;
    }),

  async publish(): Promise<number> {
    const begun = monotonic();
    await publisher.publish(CHANNEL, '');
    return begun;
  },
};

serve(handlers);
export type PartnerHandlers = typeof handlers;
