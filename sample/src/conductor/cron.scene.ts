import type { Database } from '../database/database.js';
import { type Claims, judge, repeated, type Table } from './claims.js';
import { eventually } from './eventually.js';
import type { Scene } from './scene.js';

const JOBS = ['invoices', 'digest'];
const TICKS = 3;

interface Run {
  job: string;
  tick: string;
  replica: string;
  fencing_token: number;
}

interface Evidence {
  runs: Run[];
  /** Per replica: the jobs whose clock has struck there. */
  struck: Map<string, string[]>;
  /** The replica that was stopped, and the last tick before that. */
  stopped: { replica: string; after: string };
}

const claims: Claims<Evidence> = {
  'no tick runs twice': ({ runs }) => repeated(runs.map(({ job, tick }) => `${job} at ${timeOf(tick)}`)),
  'the clock of every job strikes on every replica': ({ struck }) =>
    [...struck].filter(([, jobs]) => jobs.length < JOBS.length).map(([replica]) => replica),
  'the fencing token grows from tick to tick': ({ runs }) =>
    JOBS.flatMap((job) => {
      const own = runs.filter((run) => run.job === job);
      const stale = own.filter((run, index) => index > 0 && run.fencing_token <= own[index - 1]!.fencing_token);
      return stale.map(({ tick }) => `${job} at ${timeOf(tick)}`);
    }),
  'the others go on when the replica that ran a job is stopped': ({ runs, stopped }) => {
    const byOthers = runs.filter(({ replica, tick }) => replica !== stopped.replica && tick > stopped.after);
    return JOBS.filter((job) => !byOthers.some((run) => run.job === job));
  },
};

/** Watches some ticks, stops the replica that ran the last one (as a scale-in does), and watches the others. */
export const cronScene: Scene = {
  title: 'Cron guard',
  async play({ fleet, database }) {
    const before = await runsUntil(database, new Date().toISOString());
    const struck = await fleet.ask<string[]>('/cron');

    const { replica, tick: after } = before.at(-1)!;
    await fleet.stop(replica);

    const runs = await runsUntil(database, after);
    const evidence: Evidence = { runs, struck, stopped: { replica, after } };
    return { tables: [table(evidence)], verdicts: judge(claims, evidence) };
  },
};

/** All runs, as soon as each job has run some ticks that are later than `tick`. */
function runsUntil(database: Database, tick: string): Promise<Run[]> {
  return eventually(
    () => database.query<Run>`SELECT * FROM cron_runs ORDER BY tick, fencing_token`,
    (runs) => JOBS.every((job) => laterTicks(runs, job, tick).size >= TICKS),
  );
}

function laterTicks(runs: Run[], job: string, tick: string): Set<string> {
  return new Set(runs.filter((run) => run.job === job && run.tick > tick).map((run) => run.tick));
}

function table({ runs, stopped }: Evidence): Table {
  const ranBy = (job: string, tick: string) =>
    runs.flatMap((run) => (run.job === job && run.tick === tick ? [run.replica] : [])).join(', ');
  const ticks = [...new Set(runs.map(({ tick }) => tick))];
  return [
    ['tick', ...JOBS, ''],
    ...ticks.map((tick) => [
      timeOf(tick),
      ...JOBS.map((job) => ranBy(job, tick)),
      tick === stopped.after ? `then ${stopped.replica} was stopped` : '',
    ]),
  ];
}

function timeOf(tick: string): string {
  return tick.slice(11, 19);
}
