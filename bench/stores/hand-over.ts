import { setTimeout as sleep } from 'node:timers/promises';
import { monotonic } from '../support/clock.js';
import { median } from '../support/statistics.js';
import type { LockClient } from './contestant.js';
import { ExclusionError } from './witness.js';

/** Long enough for the waiter to stand in the queue: the watch of etcd's Election takes up to 100 ms to be served. */
const QUEUEING_MS = 130;

/** From the call of release by one client to the grant to another with a connection of its own; median in ms. */
export async function handOver(clients: readonly [LockClient, LockClient], times: number): Promise<number> {
  const taken: number[] = [];
  let [holder, waiter] = clients;
  let release = await holder.acquire('hand-over');
  for (let time = 0; time < times; time += 1) {
    let released = Number.POSITIVE_INFINITY;
    const grant = waiter.acquire('hand-over').then((next) => {
      taken.push(monotonic() - released);
      return next;
    });
    await sleep(QUEUEING_MS);
    if (taken.length > time) throw new ExclusionError('hand-over: the waiter was granted a lock that was held.');
    released = monotonic();
    await release();
    release = await grant;
    [holder, waiter] = [waiter, holder];
  }
  await release();
  return median(taken);
}
