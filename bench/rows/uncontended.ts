import type { Locks } from '../contestants/contestant.js';
import { CONTESTANTS, ours, PEERS, plain } from '../contestants/index.js';
import { runLoops } from '../support/loops.js';
import { RedisServer } from '../support/redis-server.js';
import { column, interleave, only } from '../support/rounds.js';
import { againstBest, type Family, figure, type RowResult, ratiosTo, type Setting, summaries } from '../support/row.js';
import { median } from '../support/statistics.js';
import { verify } from '../support/verify.js';

interface Round {
  pairsPerSecond: number;
  /** Microseconds. */
  redisCpu: number;
  clientCpu: number;
}

type Rounds = Record<string, Round[]>;

/** Rows 1 to 3: acquire and release on names that nobody else wants. */
export const uncontended: Family = {
  rows: ['1', '2', '3'],
  async run(setting) {
    await using server = await RedisServer.start();
    const open: { name: string; locks: Locks }[] = [];
    for (const contestant of CONTESTANTS) {
      await verify(contestant, server.url);
      open.push({ name: contestant.name, locks: await contestant.open(server.url) });
    }
    const results: RowResult[] = [];
    try {
      if (setting.wanted.has('1') || setting.wanted.has('3')) {
        const rounds = await measure(server, open, setting, 64);
        results.push(throughput('1', rounds), ...cpu(rounds));
      }
      if (setting.wanted.has('2')) results.push(throughput('2', await measure(server, open, setting, 1)));
    } finally {
      await Promise.all(open.map(({ locks }) => locks.close()));
    }
    return results;
  },
};

function measure(
  server: RedisServer,
  open: readonly { name: string; locks: Locks }[],
  { quick, log }: Setting,
  loops: number,
): Promise<Rounds> {
  log(`acquire and release, ${loops} at a time`);
  const [rounds, ms] = quick ? [2, 50] : [7, 1_000];
  const once = async (locks: Locks, duration: number): Promise<Round> => {
    const [redis, client] = [await server.cpu(), process.cpuUsage()];
    const { pairs, seconds } = await runLoops(locks, { loops, names: 1_000, ms: duration });
    const { user, system } = process.cpuUsage(client);
    const redisCpu = ((await server.cpu()) - redis) / pairs;
    return { pairsPerSecond: pairs / seconds, redisCpu, clientCpu: (user + system) / pairs };
  };
  return interleave(open, {
    rounds,
    warmUp: ({ locks }) => once(locks, ms),
    measure: ({ locks }) => once(locks, ms),
  });
}

function throughput(row: '1' | '2', results: Rounds): RowResult {
  const values = column(results, (round) => round.pairsPerSecond);
  const ratios = ratiosTo(plain.name, values);
  const toPlain = ratios[`${ours.name} / ${plain.name}`] as number;
  const leader = againstBest(values[ours.name] as number[], only(values, PEERS), 'highest');
  ratios[`${ours.name} / ${leader.name}`] = leader.ratio;
  const common = { row, unit: 'pairs/s', values: summaries(values), ratios };
  const measured = `${figure(toPlain)} of plain, ${figure(leader.ratio)} of ${leader.name}`;
  if (row === '2') {
    return { ...common, title: 'pairs, one at a time', measured, bound: '>= 0.85 of plain', met: toPlain >= 0.85 };
  }
  const bound = '>= 2.0 of plain, >= 1.9 of the best peer';
  return { ...common, title: 'pairs, 64 at a time', measured, bound, met: toPlain >= 2 && leader.ratio >= 1.9 };
}

function cpu(results: Rounds): RowResult[] {
  const row = (title: string, values: Record<string, number[]>, bound: number | null): RowResult => {
    const ratios = ratiosTo(plain.name, values);
    const toPlain = ratios[`${ours.name} / ${plain.name}`] as number;
    return {
      row: '3',
      title,
      unit: 'us/pair',
      values: summaries(values),
      ratios,
      measured: `${figure(toPlain)} of plain (${figure(median(values[ours.name] as number[]))} us)`,
      bound: bound === null ? '' : `<= ${bound} of plain`,
      met: bound === null ? null : toPlain <= bound,
    };
  };
  return [
    row(
      'CPU of Redis for a pair, 64 at a time',
      column(results, (round) => round.redisCpu),
      0.5,
    ),
    row(
      'CPU of the client for a pair, 64 at a time',
      column(results, (round) => round.clientCpu),
      null,
    ),
  ];
}
