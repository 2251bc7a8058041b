import { ours, PEERS } from '../contestants/index.js';
import { type Crew, type Outcome, withCrews } from '../support/contest.js';
import { column, interleave, only } from '../support/rounds.js';
import { againstBest, type Family, figure, type RowResult, type Setting, summaries } from '../support/row.js';
import { median } from '../support/statistics.js';

const PROCESSES = 4;
/** So few that hardly anything is handed over inside a process. `longestWait`, of the best peer, as on 2026-11-21. */
const FEW = [
  { row: '4x1', waiters: 1, longestWait: 0.11 },
  { row: '4x2', waiters: 2, longestWait: 0.1 },
];

type Outcomes = Record<string, Outcome[]>;

/** All want the same name again and again: 4 processes with 10 waiters each (rows 4 to 6), with 1 (4x1), with 2 (4x2). */
export const hotKey: Family = {
  rows: ['4', '5', '6', ...FEW.map(({ row }) => row)],
  run: (setting) => withCrews([ours, ...PEERS], PROCESSES, (crews) => compete(crews, setting)),
};

async function compete(crews: readonly Crew[], setting: Setting): Promise<RowResult[]> {
  const results: RowResult[] = [];
  if (setting.wanted.has('4') || setting.wanted.has('5')) {
    const outcomes = await measure(crews, setting, 10, 0);
    const share = median(outcomes[ours.name]?.map(({ spread }) => spread) ?? []);
    results.push(throughput('4', 'hot key, 4 x 10, empty body: bodies', outcomes, 15));
    results.push(longestWait('5', 'hot key, 4 x 10, empty body: longest wait', outcomes, 0.1));
    results.push({
      row: '5',
      title: 'hot key, 4 x 10, empty body: luckiest against unluckiest process',
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
    const outcomes = await measure(crews, setting, 10, 1);
    results.push(throughput('6', 'hot key, 4 x 10, body of setTimeout(1): bodies', outcomes, 1.15));
    results.push(longestWait('6', 'hot key, 4 x 10, body of setTimeout(1): longest wait', outcomes, 0.1));
  }
  for (const few of FEW.filter(({ row }) => setting.wanted.has(row))) {
    const { row, waiters } = few;
    const outcomes = await measure(crews, setting, waiters, 0);
    results.push(throughput(row, `hot key, 4 x ${waiters}, empty body: bodies`, outcomes, 3));
    results.push(longestWait(row, `hot key, 4 x ${waiters}, empty body: longest wait`, outcomes, few.longestWait));
  }
  return results;
}

function measure(crews: readonly Crew[], { quick, log }: Setting, waiters: number, body: number): Promise<Outcomes> {
  log(`hot key, ${PROCESSES} processes x ${waiters} waiters, body of ${body} ms`);
  const crowd = { processes: PROCESSES, waiters, body };
  const [rounds, ms] = quick ? [1, 300] : [3, 3_000];
  return interleave(crews, {
    rounds,
    warmUp: (crew) => crew.compete(crowd, 300, true),
    measure: (crew) => crew.compete(crowd, ms),
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

function longestWait(row: string, title: string, outcomes: Outcomes, factor: number): RowResult {
  const values = column(outcomes, (outcome) => outcome.longestWait);
  const leader = againstBest(values[ours.name] as number[], only(values, PEERS), 'lowest');
  return {
    row,
    title,
    unit: 'ms',
    values: summaries(values),
    ratios: { [`${ours.name} / ${leader.name}`]: leader.ratio },
    measured: `${figure(leader.ratio)} of ${leader.name} (${figure(median(values[ours.name] as number[]))} ms)`,
    bound: `<= ${factor} of the best peer`,
    met: leader.ratio <= factor,
  };
}
