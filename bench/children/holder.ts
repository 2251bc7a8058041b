/* A process that holds many locks and keeps them: with our service, or with a timer and a command for each. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLockService, type Lock } from '../../lib/index.js';
import { connect } from '../contestants/contestant.js';
import { type Memory, memory } from '../support/memory.js';
import { serve } from '../support/serve.js';

export interface Holding {
  way: 'service' | 'timers';
  url: string;
  locks: number;
  ttl: number;
}

const RENEW =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end return 0";
const RENEW_SHA = createHash('sha1').update(RENEW).digest('hex');
const AT_ONCE = 500;

/** Whatever must not be collected while it is measured. */
const kept: unknown[] = [];
let lost = 0;

const handlers = {
  /** Acquires them; resolves to the bytes for each. */
  async hold(holding: Holding): Promise<Memory> {
    const acquire = holding.way === 'service' ? await byService(holding) : await byTimers(holding);
    kept.push(await acquire('warm'));
    const before = await memory();
    for (let index = 0; index < holding.locks; index += AT_ONCE) {
      const names = Array.from(
        { length: Math.min(AT_ONCE, holding.locks - index) },
        (_, offset) => `held:${index + offset}`,
      );
      for (const held of await Promise.all(names.map(acquire))) kept.push(held);
    }
    const after = await memory();
    return { heap: (after.heap - before.heap) / holding.locks, rss: (after.rss - before.rss) / holding.locks };
  },

  /** Microseconds of CPU while it does nothing but keep them. */
  async keep(ms: number): Promise<number> {
    const before = process.cpuUsage();
    await sleep(ms);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  },

  lost: (): number => lost + kept.filter((each) => (each as Partial<Lock>)?.held === false).length,
};

async function byService({ url, ttl }: Holding): Promise<(name: string) => Promise<unknown>> {
  const service = await createLockService({ redis: await connect(url), defaults: { ttl } });
  return (name) => service.acquire(name);
}

async function byTimers({ url, ttl }: Holding): Promise<(name: string) => Promise<unknown>> {
  const client = await connect(url);
  await client.script('LOAD', RENEW);
  return async (name) => {
    await client.set(name, 'owner', 'PX', ttl, 'NX');
    const renew = async (): Promise<void> => {
      if ((await client.evalsha(RENEW_SHA, 1, name, 'owner', ttl)) !== 1) lost += 1;
    };
    return setInterval(() => void renew(), ttl / 3).unref();
  };
}

serve(handlers);
export type HolderHandlers = typeof handlers;
