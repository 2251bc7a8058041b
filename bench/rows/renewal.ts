import type { HolderHandlers, Holding } from '../children/holder.js';
import { ours } from '../contestants/index.js';
import { Child } from '../support/child.js';
import type { Memory } from '../support/memory.js';
import { RedisServer } from '../support/redis-server.js';
import { type Family, figure, type RowResult, type Setting } from '../support/row.js';
import { summarize } from '../support/statistics.js';

interface Kept {
  /** Milliseconds over the whole time. */
  clientCpu: number;
  redisCpu: number;
  bytes: Memory;
}

const TIMERS = 'a timer and a command each';

/** Row 8: many locks that are held and renewed every third of their ttl. */
export const renewal: Family = {
  rows: ['8'],
  async run(setting) {
    const timers = await keep('timers', setting);
    const service = await keep('service', setting);
    return [cpuRow('client', service, timers), cpuRow('Redis', service, timers), ...memoryRows(service, timers)];
  },
};

/** In a fresh process with a fresh Redis, one after the other: side by side they would measure each other. */
async function keep(way: Holding['way'], { quick, log }: Setting): Promise<Kept> {
  const [locks, ttl, ms] = quick ? [500, 1_500, 2_000] : [20_000, 30_000, 60_000];
  log(`${locks} held locks, ${ms / 1e3} s: ${way}`);
  await using server = await RedisServer.start();
  await using child = await Child.start<HolderHandlers>('holder');
  const bytes = await child.call('hold', { way, url: server.url, locks, ttl });
  const before = await server.cpu();
  const clientCpu = await child.call('keep', ms);
  const redisCpu = (await server.cpu()) - before;
  // The time is longer than the ttl: whatever was not renewed is gone by now.
  const [lost, keys] = [await child.call('lost', undefined), await server.client.dbsize()];
  if (lost > 0 || keys < locks)
    throw new Error(`${way}: ${lost} locks were lost, and ${keys} keys are left of ${locks}`);
  return { clientCpu: clientCpu / 1e3, redisCpu: redisCpu / 1e3, bytes };
}

function cpuRow(of: 'client' | 'Redis', service: Kept, timers: Kept): RowResult {
  const field = of === 'client' ? 'clientCpu' : 'redisCpu';
  const [mine, base] = [service[field], timers[field]];
  return {
    row: '8',
    title: `held locks with renewal: CPU of ${of}`,
    unit: 'ms',
    values: { [ours.name]: summarize([mine]), [TIMERS]: summarize([base]) },
    ratios: { [`${ours.name} / ${TIMERS}`]: mine / base },
    measured: `${figure(mine / base)} (${figure(mine)} ms against ${figure(base)} ms)`,
    bound: `<= 0.5 of ${TIMERS}`,
    met: mine / base <= 0.5,
  };
}

function memoryRows(service: Kept, timers: Kept): RowResult[] {
  const row = (field: keyof Memory, bound: number | null): RowResult => ({
    row: '8',
    title: `memory for each held lock: ${field === 'heap' ? 'heap' : 'RSS'}`,
    unit: 'bytes',
    values: { [ours.name]: summarize([service.bytes[field]]), [TIMERS]: summarize([timers.bytes[field]]) },
    ratios: {},
    measured: `${figure(service.bytes[field])} bytes`,
    bound: bound === null ? '' : `<= ${bound} bytes`,
    met: bound === null ? null : service.bytes[field] <= bound,
  });
  return [row('heap', 700), row('rss', null)];
}
