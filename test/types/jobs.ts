// What the options of jobs, JobLocks and JobSemaphore accept and refuse; compiled by `npm run typecheck`, never run.
import type { LockService } from '../../lib/index.js';
import { JobLocks, type JobOptions, JobSemaphore, LockJobsModule } from '../../lib/jobs.js';

declare const locks: LockService;

export const good: JobOptions[] = [
  {},
  { remember: '30d', lock: { ttl: '10s', maxHold: '5m', replicas: 1 } },
  { limits: { render: { servers: 2 }, print: { slots: 5 } } },
];

export const module = LockJobsModule.forRoot({ limits: { render: { servers: 2 } }, service: 'nightly' });

export const bad: JobOptions[] = [
  // @ts-expect-error: a number says not what it counts.
  { limits: { render: 2 } },
  // @ts-expect-error: one or the other.
  { limits: { render: { servers: 2, slots: 5 } } },
  // @ts-expect-error: a limit of nothing.
  { limits: { render: {} } },
  // @ts-expect-error: an element has one holder.
  { lock: { mode: 'shared' } },
  // @ts-expect-error: and is not waited for.
  { lock: { wait: '1s' } },
  // @ts-expect-error: a duration has a unit.
  { remember: '7 days' },
];

export async function use(): Promise<void> {
  const jobs = new JobLocks(locks);
  await jobs.lock('invoice', 42);
  await jobs.lock('invoice', 42n);
  // @ts-expect-error: identifies nothing.
  await jobs.lock('invoice', undefined);
  // @ts-expect-error: identifies nothing.
  await jobs.lock('invoice', {});

  const result = await jobs.withLock('invoice', '42', async ({ fencingToken }) => `issued with ${fencingToken}`);
  if (result.status === 'ran') result.value satisfies string;
  if (result.status === 'done') result.at satisfies Date;

  (await new JobSemaphore(locks).run('render', ({ signal }) => signal.aborted)) satisfies boolean;
}
