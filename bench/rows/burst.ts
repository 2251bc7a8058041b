import { setTimeout as sleep } from 'node:timers/promises';
import { createLockService } from '../../lib/index.js';
import type { PingerHandlers } from '../children/pinger.js';
import { connect } from '../contestants/contestant.js';
import { ours } from '../contestants/index.js';
import { Child } from '../support/child.js';
import { RedisServer } from '../support/redis-server.js';
import { type Family, figure, type RowResult } from '../support/row.js';
import { summarize } from '../support/statistics.js';

interface Burst {
  /** Milliseconds until all were granted. */
  all: number;
  /** The longest script call, by Redis's own clock, in ms. */
  longestScript: number;
  /** How many script calls it took. */
  calls: number;
  /** The longest that another client's PING took, in ms. */
  longestPing: number;
}

/** Not in the table of bounds: what others feel when one process asks for very many locks in one tick. */
export const burst: Family = {
  rows: ['burst'],
  async run(setting) {
    const operations = setting.quick ? 1_000 : 10_000;
    setting.log(`${operations} acquire in one tick`);
    await using server = await RedisServer.start();
    await using pinger = await Child.start<PingerHandlers>('pinger');
    await pinger.call('open', server.url);
    const idle = await idlePing(pinger);
    const bursts: Burst[] = [];
    // The first is the warm-up.
    for (let round = 0; round < (setting.quick ? 2 : 6); round += 1)
      bursts.push(await measure(server, pinger, operations));
    return rows(bursts.slice(1), idle, operations);
  },
};

async function measure(server: RedisServer, pinger: Child<PingerHandlers>, operations: number): Promise<Burst> {
  const client = await connect(server.url);
  await using service = await createLockService({ redis: client });
  await service.run('warm', () => {});
  await server.client.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '1000000');
  await server.client.slowlog('RESET');
  await pinger.call('start', undefined);
  const start = performance.now();
  const locks = await Promise.all(Array.from({ length: operations }, (_, index) => service.acquire(`burst:${index}`)));
  const all = performance.now() - start;
  const longestPing = await pinger.call('stop', undefined);
  const scripts = ((await server.client.slowlog('GET', -1)) as SlowEntry[]).filter(([, , , [command]]) =>
    /^eval/i.test(command),
  );
  await Promise.all(locks.map((lock) => lock.release()));
  await service.close();
  client.disconnect();
  const longestScript = Math.max(...scripts.map(([, , microseconds]) => microseconds)) / 1e3;
  return { all, longestScript, calls: scripts.length, longestPing };
}

type SlowEntry = [id: number, time: number, microseconds: number, [command: string, ...rest: string[]], ...unknown[]];

/** What the machine itself makes a PING wait. */
async function idlePing(pinger: Child<PingerHandlers>): Promise<number> {
  await pinger.call('start', undefined);
  await sleep(300);
  return pinger.call('stop', undefined);
}

function rows(bursts: readonly Burst[], idle: number, operations: number): RowResult[] {
  const row = (title: string, unit: string, field: keyof Burst, note = ''): RowResult => {
    const values = summarize(bursts.map((each) => each[field]));
    return {
      row: 'burst',
      title: `${figure(operations)} acquire in one tick: ${title}`,
      unit,
      values: { [ours.name]: values },
      ratios: {},
      measured: `${figure(values.median)} ${unit}, at most ${figure(values.max)}${note}`,
      bound: '',
      met: null,
    };
  };
  return [
    row('longest script call', 'ms', 'longestScript'),
    row('script calls', 'calls', 'calls'),
    row("longest PING of another client's", 'ms', 'longestPing', ` (${figure(idle)} ms when idle)`),
    row('until all are granted', 'ms', 'all'),
  ];
}
