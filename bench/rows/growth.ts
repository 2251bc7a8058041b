import type { Locks } from '../contestants/contestant.js';
import { ours, oursHandingOver } from '../contestants/ours.js';
import { type Crew, type Outcome, withCrews } from '../support/contest.js';
import { runLoops } from '../support/loops.js';
import { RedisServer } from '../support/redis-server.js';
import { column, interleave } from '../support/rounds.js';
import { type Family, figure, type RowResult, type Setting, summaries } from '../support/row.js';
import { median } from '../support/statistics.js';

const LOOPS = 64;

/** No bounds, but what our own cost grows with: locks that are held, names, processes. */
export const growth: Family = {
  rows: ['growth'],
  async run(setting) {
    return [
      await byNames(setting),
      await byHeld(setting),
      ...(await byProcesses(setting)),
      ...(await byHandOver(setting)),
    ];
  },
};

async function byNames({ quick, log }: Setting): Promise<RowResult> {
  log('acquire and release on few and on many names');
  await using server = await RedisServer.start();
  const locks = await ours.open(server.url);
  try {
    const many = quick ? 100 : 2_000;
    // Uses each of the many once.
    for (let count = 0; count < many; count += 1) {
      await Promise.all(
        Array.from({ length: LOOPS }, async (_, index) =>
          locks.release(await locks.acquire(`bench:${index}:${count}`)),
        ),
      );
    }
    const names = [1, many].map((each) => ({ name: `${LOOPS * each} names`, names: each }));
    const rates = await rateOf(names, quick, ({ names }, ms) => runLoops(locks, { loops: LOOPS, names, ms }));
    return summary('pairs, 64 at a time, by names', 'pairs/s', rates);
  } finally {
    await locks.close();
  }
}

/** One process that holds nothing, and one that holds many, which are renewed meanwhile. */
async function byHeld({ quick, log }: Setting): Promise<RowResult> {
  log('acquire and release beside locks that are held');
  await using server = await RedisServer.start();
  const sides: { name: string; locks: Locks }[] = [];
  try {
    for (const held of quick ? [0, 500] : [0, 20_000]) {
      const locks = await ours.open(server.url);
      sides.push({ name: `${held} held`, locks });
      for (let index = 0; index < held; index += LOOPS) {
        await Promise.all(Array.from({ length: LOOPS }, (_, offset) => locks.acquire(`held:${index + offset}`)));
      }
    }
    const rates = await rateOf(sides, quick, ({ locks }, ms) => runLoops(locks, { loops: LOOPS, names: 1_000, ms }));
    return summary('pairs, 64 at a time, by locks that the process holds', 'pairs/s', rates);
  } finally {
    await Promise.all(sides.map(({ locks }) => locks.close()));
  }
}

/** A hot key, wanted by more and more processes. */
function byProcesses({ quick, log }: Setting): Promise<RowResult[]> {
  const crowds = [1, 2, 4, 8].map((processes) => ({ name: `${processes} processes`, processes }));
  return withCrews([ours], 8, async (crews) => {
    log('hot key, empty body, 10 waiters in each of 1 to 8 processes');
    const [crew] = crews as [Crew];
    const compete = ({ processes }: { processes: number }, ms: number): Promise<Outcome> =>
      crew.compete({ processes, waiters: 10, body: 0 }, ms);
    const outcomes = await interleave(crowds, {
      rounds: quick ? 1 : 3,
      warmUp: (crowd) => compete(crowd, 300),
      measure: (crowd) => compete(crowd, quick ? 300 : 2_000),
    });
    return hotKey('by processes', outcomes);
  });
}

/** The same hot key under other bounds of the hand-over inside a process; the default is the one without a number. */
function byHandOver({ quick, log }: Setting): Promise<RowResult[]> {
  return withCrews([ours, ...oursHandingOver], 4, async (crews) => {
    log('hot key, empty body, 4 processes x 10 waiters, by the bound of the hand-over');
    const compete = (crew: Crew, ms: number): Promise<Outcome> =>
      crew.compete({ processes: 4, waiters: 10, body: 0 }, ms);
    const outcomes = await interleave(crews, {
      rounds: quick ? 1 : 3,
      warmUp: (crew) => compete(crew, 300),
      measure: (crew) => compete(crew, quick ? 300 : 2_000),
    });
    return hotKey('by localHandOver.max', outcomes);
  });
}

function hotKey(by: string, outcomes: Record<string, Outcome[]>): RowResult[] {
  return [
    summary(
      `hot key ${by}: bodies`,
      'bodies/s',
      column(outcomes, ({ bodiesPerSecond }) => bodiesPerSecond),
    ),
    summary(
      `hot key ${by}: longest wait`,
      'ms',
      column(outcomes, ({ longestWait }) => longestWait),
    ),
  ];
}

async function rateOf<C extends { readonly name: string }>(
  contestants: readonly C[],
  quick: boolean,
  run: (contestant: C, ms: number) => Promise<{ pairs: number; seconds: number }>,
): Promise<Record<string, number[]>> {
  const measure = async (contestant: C): Promise<number> => {
    const { pairs, seconds } = await run(contestant, quick ? 50 : 1_000);
    return pairs / seconds;
  };
  return interleave(contestants, { rounds: quick ? 2 : 7, warmUp: measure, measure });
}

function summary(title: string, unit: string, values: Record<string, number[]>): RowResult {
  const measured = Object.entries(values).map(([name, rounds]) => `${name}: ${figure(median(rounds))}`);
  return {
    row: 'growth',
    title,
    unit,
    values: summaries(values),
    ratios: {},
    measured: measured.join(', '),
    bound: '',
    met: null,
  };
}
