import { writeFileSync } from 'node:fs';
import { ours, PEERS } from './contestants/index.js';
import { type Crew, withCrews } from './support/contest.js';
import { interleave } from './support/rounds.js';
import type { Setting } from './support/row.js';
import { median } from './support/statistics.js';
import { drawCharts, type Line } from './support/svg.js';

const PROCESSES = 4;
const CROWDS = [1, 2, 4, 8, 16, 40, 100];

/** Throughput and longest wait on one name against how many want it, as a picture for the README. */
export async function drawHotKey(file: string, { quick, log }: Setting, footnote: string): Promise<void> {
  const lines = await withCrews([ours, ...PEERS], PROCESSES, async (crews) => {
    for (const crew of crews) await crew.compete({ processes: PROCESSES, waiters: 10, body: 0 }, 300, true);
    const points = new Map(crews.map(({ name }) => [name, { throughput: [] as Point[], wait: [] as Point[] }]));
    for (const waiters of CROWDS) {
      log(`hot key, ${waiters} waiters`);
      for (const [name, { throughput, wait }] of await measure(crews, waiters, quick)) {
        points.get(name)?.throughput.push([waiters, throughput]);
        points.get(name)?.wait.push([waiters, wait]);
      }
    }
    return points;
  });
  const pick = (field: 'throughput' | 'wait'): Line[] =>
    [...lines].map(([name, line]) => ({ name, points: line[field], strong: name === ours.name }));
  const charts = [
    { title: 'Bodies per second', lines: pick('throughput') },
    { title: 'Longest wait, ms', lines: pick('wait') },
  ];
  writeFileSync(
    file,
    drawCharts(charts, { xTitle: 'waiters for one name, in up to 4 processes', ticks: CROWDS, footnote }),
  );
  log(`drawn to ${file}`);
}

type Point = [x: number, y: number];

async function measure(
  crews: readonly Crew[],
  waiters: number,
  quick: boolean,
): Promise<[string, { throughput: number; wait: number }][]> {
  const processes = Math.min(PROCESSES, waiters);
  const crowd = { processes, waiters: waiters / processes, body: 0 };
  const outcomes = await interleave(crews, {
    rounds: quick ? 1 : 3,
    warmUp: () => Promise.resolve(),
    measure: (crew) => crew.compete(crowd, quick ? 200 : 1_000),
  });
  return Object.entries(outcomes).map(([name, rounds]) => [
    name,
    {
      throughput: median(rounds.map(({ bodiesPerSecond }) => bodiesPerSecond)),
      wait: median(rounds.map(({ longestWait }) => longestWait)),
    },
  ]);
}
