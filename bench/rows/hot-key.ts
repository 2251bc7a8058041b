import { ours, PEERS } from '../contestants/index.js';
import { type Crew, type Outcome, withCrews } from '../support/contest.js';
import { column, interleave, only } from '../support/rounds.js';
import { againstBest, type Family, figure, type RowResult, type Setting, summaries } from '../support/row.js';
import { median } from '../support/statistics.js';

const CROWD = { processes: 4, waiters: 10 };

type Outcomes = Record<string, Outcome[]>;

/** Rows 4 to 6: 4 processes with 10 waiters each, all of which want the same name again and again. */
export const hotKey: Family = {
  rows: ['4', '5', '6'],
  run: (setting) => withCrews([ours, ...PEERS], CROWD.processes, (crews) => compete(crews, setting)),
};

async function compete(crews: readonly Crew[], setting: Setting): Promise<RowResult[]> {
  const results: RowResult[] = [];
  if (setting.wanted.has('4') || setting.wanted.has('5')) {
    const outcomes = await measure(crews, setting, 0);
    const share = median(outcomes[ours.name]?.map(({ spread }) => spread) ?? []);
    results.push(throughput('4', 'hot key, empty body: bodies', outcomes, 10));
    results.push(longestWait('5', 'hot key, empty body: longest wait', outcomes));
    results.push({
      row: '5',
      title: 'hot key, empty body: luckiest against unluckiest process',
      unit: 'ratio',
      values: summaries(column(outcomes, ({ spread }) => spread)),
      ratios: {},
      measured: figure(share),
      bound: '<= 1.1',
      met: share <= 1.1,
    });
  }
  if (setting.wanted.has('6')) {
    // A timer, for all of them: a busy body would fight for the two cores with the processes that wait.
    const outcomes = await measure(crews, setting, 1);
    results.push(throughput('6', 'hot key, body of setTimeout(1): bodies', outcomes, 1.15));
    results.push(longestWait('6', 'hot key, body of setTimeout(1): longest wait', outcomes));
  }
  return results;
}

function measure(crews: readonly Crew[], { quick, log }: Setting, body: number): Promise<Outcomes> {
  log(`hot key, ${CROWD.processes} processes x ${CROWD.waiters} waiters, body of ${body} ms`);
  const [rounds, ms] = quick ? [1, 300] : [3, 3_000];
  return interleave(crews, {
    rounds,
    warmUp: (crew) => crew.compete({ ...CROWD, body }, 300, true),
    measure: (crew) => crew.compete({ ...CROWD, body }, ms),
  });
}

function throughput(row: string, title: string, outcomes: Outcomes, factor: number): RowResult {
  const values = column(outcomes, ({ bodiesPerSecond }) => bodiesPerSecond);
  const leader = againstBest(values[ours.name] as number[], only(values, PEERS), 'highest');
  return {
    row,
    title,
    unit: 'bodies/s',
    values: summaries(values),
    ratios: { [`${ours.name} / ${leader.name}`]: leader.ratio },
    measured: `${figure(leader.ratio)} of ${leader.name} (${figure(median(values[ours.name] as number[]))}/s)`,
    bound: `>= ${factor} of the best peer`,
    met: leader.ratio >= factor,
  };
}

function longestWait(row: string, title: string, outcomes: Outcomes): RowResult {
  const values = column(outcomes, (outcome) => outcome.longestWait);
  const leader = againstBest(values[ours.name] as number[], only(values, PEERS), 'lowest');
  return {
    row,
    title,
    unit: 'ms',
    values: summaries(values),
    ratios: { [`${ours.name} / ${leader.name}`]: leader.ratio },
    measured: `${figure(leader.ratio)} of ${leader.name} (${figure(median(values[ours.name] as number[]))} ms)`,
    bound: '<= 0.1 of the best peer',
    met: leader.ratio <= 0.1,
  };
}
