import { setTimeout as sleep } from 'node:timers/promises';
import { monotonic } from '../support/clock.js';
import { CONTESTANTS, type ContestantName, type LockClient } from './contestant.js';

/** What the parent asks for. */
export type Order = { crowd: Crowd } | { hold: string };

export interface Crowd {
  readonly name: string;
  readonly waiters: number;
  readonly bodyMs: number;
  /** On the machine's clock, so that all processes begin and end together. */
  readonly start: number;
  readonly end: number;
}

/** What it answers with. The first answer comes unasked, when the client is open. */
export interface Answer {
  /** Entered, left, entered, left, in ms. */
  readonly bodies: Float64Array;
  readonly longestWait: number;
}

/** Several waiters of this process, each of which asks again as soon as it has released. */
async function crowd(client: LockClient, { name, waiters, bodyMs, start, end }: Crowd): Promise<Answer> {
  const bodies: number[] = [];
  let longestWait = 0;
  const waiter = async (): Promise<void> => {
    for (let asked = monotonic(); asked < end; asked = monotonic()) {
      const release = await client.acquire(name);
      const entered = monotonic();
      longestWait = Math.max(longestWait, entered - asked);
      if (bodyMs > 0) await sleep(bodyMs);
      bodies.push(entered, monotonic());
      await release();
    }
  };
  await sleep(Math.max(0, start - monotonic()));
  await Promise.all(Array.from({ length: waiters }, waiter));
  return { bodies: Float64Array.from(bodies), longestWait };
}

async function obey(client: LockClient, order: Order): Promise<Answer> {
  if ('crowd' in order) return crowd(client, order.crowd);
  await client.acquire(order.hold);
  return { bodies: new Float64Array(), longestWait: 0 };
}

const [contestant, address] = process.argv.slice(2) as [ContestantName, string];
// Also when the parent is killed: nothing stays behind.
process.once('disconnect', () => process.exit());
const client = await CONTESTANTS[contestant].open(address);
process.on('message', (order: Order) => {
  obey(client, order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.({ bodies: new Float64Array(), longestWait: 0 } satisfies Answer);
