/* Another client of the same Redis, which looks how long Redis leaves it without an answer. */
import type { Redis } from 'ioredis';
import { connect } from '../contestants/contestant.js';
import { serve } from '../support/serve.js';

let client: Redis;
let on = false;
let loop: Promise<void> = Promise.resolve();
let longest = 0;

async function pingOnAndOn(): Promise<void> {
  while (on) {
    const start = performance.now();
    await client.ping();
    longest = Math.max(longest, performance.now() - start);
  }
}

const handlers = {
  async open(url: string): Promise<void> {
    client = await connect(url);
  },

  start(): void {
    longest = 0;
    on = true;
    loop = pingOnAndOn();
  },

  /** Resolves to the longest time without an answer, in ms. */
  async stop(): Promise<number> {
    on = false;
    await loop;
    return longest;
  },
};

serve(handlers);
export type PingerHandlers = typeof handlers;
