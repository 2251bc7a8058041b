import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisServer } from '../support/redis-server.js';
import { type Moment, now } from './history/event.js';
import type { Recorder } from './history/history.js';
import { watchAnswer } from './lag.js';
import { ask } from './stores/ask.js';

const EVERY_MS = 100;

// Result: key, PTTL, key, PTTL, ... ARGV: the pattern.
const KEYS_WITH_TTL = `
local found, cursor = {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    found[#found + 1] = key
    found[#found + 1] = redis.call('PTTL', key)
  end
until cursor == '0'
return found`;

/** What outlives its locks on purpose, and for how long, in ms. */
const STAYS: readonly (readonly [RegExp, number])[] = [
  // The counters of tokens, and the marks of what is to be done once.
  [/:fence$|\{once:\d+\}:done$/, Number.POSITIVE_INFINITY],
  // By what it is found out what stands behind the address.
  [/:topology:[0-9a-f-]+$/, 60_000],
  // What a release has done, should it arrive again; and the waiters of a process that died.
  [/:released:[\w-]+$|:queue$|:waiter$/, 120_000],
];

/** `idle`: for how long nobody has touched anything, in ms. */
export function mayStay(key: string, ttl: number, idle = 0): boolean {
  return ttl > 0 && STAYS.some(([keys, longest]) => keys.test(key) && ttl <= longest - idle);
}

export async function keysOf(server: RedisServer, namespace: string): Promise<Map<string, number> | undefined> {
  const found = (await ask(server, 'EVAL_RO', KEYS_WITH_TTL, 0, `${namespace}:*`)) as (string | number)[] | undefined;
  if (!found) return undefined;
  const pairs = Array.from({ length: found.length / 2 }, (_, index) => [
    String(found[2 * index]),
    Number(found[2 * index + 1]),
  ]);
  return new Map(pairs as [string, number][]);
}

/** Looks at all keys of a server again and again, and records those that would stay for ever. */
export class KeyMonitor {
  samples = 0;
  #running = true;
  readonly #done: Promise<void>;

  constructor(server: RedisServer, namespace: string, recorder: Recorder) {
    this.#done = this.#watch(server, namespace, recorder);
  }

  stop(): Promise<void> {
    this.#running = false;
    return this.#done;
  }

  async #watch(server: RedisServer, namespace: string, recorder: Recorder): Promise<void> {
    const slow = (at: Moment, until: Moment): void => recorder.record({ at, kind: 'delayed', until });
    while (this.#running) {
      const keys = await watchAnswer(() => keysOf(server, namespace), slow);
      if (keys) this.samples += 1;
      for (const [key, ttl] of keys ?? []) {
        if (ttl === -1) recorder.record({ at: now(), kind: 'key', key, ttl, phase: 'use' });
      }
      await sleep(EVERY_MS);
    }
  }
}
