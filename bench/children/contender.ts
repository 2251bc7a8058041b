/* One of several processes whose waiters all want the same name. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locks } from '../contestants/contestant.js';
import { loadContestant } from '../contestants/load.js';
import { monotonic } from '../support/clock.js';
import { serve } from '../support/serve.js';

export interface Contest {
  name: string;
  waiters: number;
  /** How long a body sleeps, in ms; 0 is an empty body. */
  body: number;
  /** What is counted happens between these, on the monotonic clock. */
  start: number;
  end: number;
  /** Whether to keep when each body began and ended, which costs time. */
  witness: boolean;
}

export interface ContestResult {
  bodies: number;
  /** From asking to being granted, in ms; for who still waited at the end, until then. */
  longestWait: number;
  /** Beginnings and ends in turn. */
  bodyTimes: number[];
}

let locks: Locks;

const handlers = {
  async open({ contestant, url }: { contestant: string; url: string }): Promise<void> {
    locks = await (await loadContestant(contestant)).open(url);
    await locks.release(await locks.acquire(`warm:${process.pid}`));
  },

  async compete(contest: Contest): Promise<ContestResult> {
    const result: ContestResult = { bodies: 0, longestWait: 0, bodyTimes: [] };
    await Promise.all(Array.from({ length: contest.waiters }, () => wait(contest, result)));
    return result;
  },
};

async function wait({ name, body, start, end, witness }: Contest, result: ContestResult): Promise<void> {
  for (let asked = monotonic(); asked < end; asked = monotonic()) {
    const held = await locks.acquire(name);
    const granted = monotonic();
    if (body > 0) await sleep(body);
    if (witness) result.bodyTimes.push(granted, monotonic());
    if (granted >= start) {
      result.longestWait = Math.max(result.longestWait, Math.min(granted, end) - asked);
      if (granted < end) result.bodies += 1;
    }
    await locks.release(held);
  }
}

serve(handlers);
export type ContenderHandlers = typeof handlers;
