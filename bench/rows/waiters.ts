import { setTimeout as sleep } from 'node:timers/promises';
import { createLockService } from '../../lib/index.js';
import type { QueuerHandlers } from '../children/queuer.js';
import { Child } from '../support/child.js';
import { RedisServer } from '../support/redis-server.js';
import { type Family, figure, type RowResult, type Setting } from '../support/row.js';
import { summarize } from '../support/statistics.js';

interface Queued {
  callers: number;
  bytes: number;
  /** Script calls for each granted lock, once the queue moves. */
  perGrant: number;
  /** Script calls per second while nothing moves. */
  idle: number;
}

/** How much more the larger queue may cost for it still to count as the same. */
const SAME = 1.2;

/** Row 9: many callers of one process that wait for one name. */
export const waiters: Family = {
  rows: ['9'],
  async run(setting) {
    const queues: Queued[] = [];
    for (const callers of setting.quick ? [50, 500] : [500, 5_000]) queues.push(await measure(callers, setting));
    return [callsRow(queues), idleRow(queues), memoryRow(queues)];
  },
};

async function measure(callers: number, { quick, log }: Setting): Promise<Queued> {
  log(`${callers} waiters in one process`);
  const name = 'queued';
  await using server = await RedisServer.start();
  await using child = await Child.start<QueuerHandlers>('queuer');
  await using control = await createLockService({ redis: server.url });
  await child.call('open', server.url);
  const held = await control.acquire(name);
  const bytes = await child.call('join', { name, callers });
  const seconds = quick ? 0.5 : 5;
  const joined = await server.scriptCalls();
  await sleep(seconds * 1e3);
  const before = await server.scriptCalls();
  await held.release();
  const granted = await child.call('drained', undefined);
  if (granted !== callers) throw new Error(`${granted} of ${callers} had their turn`);
  const perGrant = ((await server.scriptCalls()) - before) / callers;
  return { callers, bytes, perGrant, idle: (before - joined) / seconds };
}

type Row = Pick<RowResult, 'title' | 'unit' | 'bound' | 'measured' | 'met'>;

function row(queues: readonly Queued[], field: keyof Queued, rest: Row): RowResult {
  const values = queues.map((queue) => [`${queue.callers} waiters`, summarize([queue[field]])] as const);
  return { row: '9', ratios: {}, values: Object.fromEntries(values), ...rest };
}

function figures(queues: readonly Queued[], field: keyof Queued): string {
  return queues.map((queue) => `${figure(queue[field])} with ${queue.callers}`).join(', ');
}

function callsRow(queues: readonly Queued[]): RowResult {
  const [few, many] = queues as [Queued, Queued];
  return row(queues, 'perGrant', {
    title: 'waiters: script calls for each granted lock',
    unit: 'calls',
    measured: figures(queues, 'perGrant'),
    bound: `<= 0.5, and at most ${SAME} times as many with more waiters`,
    met: Math.max(few.perGrant, many.perGrant) <= 0.5 && many.perGrant <= few.perGrant * SAME,
  });
}

function idleRow(queues: readonly Queued[]): RowResult {
  const [few, many] = queues as [Queued, Queued];
  return row(queues, 'idle', {
    title: 'waiters: script calls per second while the lock is held',
    unit: 'calls/s',
    measured: figures(queues, 'idle'),
    bound: 'as many with more waiters',
    // Both are a handful; one more by chance is no growth.
    met: many.idle <= few.idle + 1,
  });
}

function memoryRow(queues: readonly Queued[]): RowResult {
  return row(queues, 'bytes', {
    title: 'waiters: heap for each',
    unit: 'bytes',
    measured: figures(queues, 'bytes'),
    bound: '<= 500 bytes with the most waiters',
    met: (queues.at(-1) as Queued).bytes <= 500,
  });
}
