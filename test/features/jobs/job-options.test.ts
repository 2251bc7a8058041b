import { describe, expect, it } from 'vitest';
import { resolveJobOptions } from '../../../lib/features/jobs/job-options.js';
import { createLockService, LockOptionsError, type LockServiceOptions } from '../../../lib/index.js';
import { JobLocks, type JobOptions, JobSemaphore } from '../../../lib/jobs.js';
import { resolveServiceOptions } from '../../../lib/service/service-options.js';

const WRONG: [problem: string, jobs: unknown, named: RegExp][] = [
  ['no object', 5, /the options of jobs/],
  ['null', null, /the options of jobs/],
  ['an unknown option', { remembers: '1d' }, /`remembers` in the options of jobs/],
  ['a time to remember of nothing', { remember: 0 }, /`remember`/],
  ['an endless time to remember', { remember: Number.POSITIVE_INFINITY }, /`remember`/],
  ['a lock that is no object', { lock: '30s' }, /`lock` of jobs/],
  ['a lock that waits', { lock: { wait: '1s' } }, /`wait` in `lock` of jobs/],
  ['a shared lock', { lock: { mode: 'shared' } }, /`mode` in `lock` of jobs/],
  ['a bad ttl', { lock: { ttl: 'soon' } }, /`ttl`/],
  ['limits in an array', { limits: [{ servers: 2 }] }, /`limits` of jobs/],
  ['a limit that is a number', { limits: { render: 2 } }, /`limits` of 'render'/],
  ['a limit of nothing', { limits: { render: {} } }, /one of `servers` and `slots` .*'render'/],
  ['a limit of both', { limits: { render: { servers: 2, slots: 5 } } }, /one of `servers` and `slots` .*'render'/],
  ['a limit of something else', { limits: { render: { server: 2 } } }, /`server` in .*'render'/],
  ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '2'].flatMap((count): typeof WRONG => [
    [`${count} servers`, { limits: { render: { servers: count } } }, /`servers` in .*'render'/],
    [`${count} slots`, { limits: { render: { slots: count } } }, /`slots` in .*'render'/],
  ]),
];

function resolved(jobs?: JobOptions, service: LockServiceOptions = {}) {
  const { defaults, longestTtl } = resolveServiceOptions(service);
  return resolveJobOptions(defaults, longestTtl, jobs);
}

describe('The options of jobs', () => {
  it.each(WRONG)('refuse %s at the edge, and name it', async (_, jobs, named) => {
    await using locks = await createLockService({ store: 'memory' });
    for (const attempt of [
      () => new JobLocks(locks, jobs as JobOptions),
      () => new JobSemaphore(locks, jobs as JobOptions),
    ]) {
      expect(attempt).toThrow(LockOptionsError);
      expect(attempt).toThrow(named);
    }
  });

  it('refuse a lease beyond the longest', () => {
    expect(() => resolved({ lock: { ttl: '2m' } }, { longestTtl: '1m' })).toThrow(/`ttl` is 120000 ms/);
  });

  it('have the documented defaults', () => {
    const { remember, lock, limits } = resolved(undefined, { defaults: { ttl: '5s', wait: '1s' } });
    expect(remember).toBe(7 * 86_400_000);
    expect(lock).toMatchObject({ ttl: 5_000, wait: 0, mode: 'exclusive' });
    expect(limits.size).toBe(0);
  });

  it('are each taken over', () => {
    const lock = { ttl: '1s', maxHold: '1m', replicas: 1 } as const;
    const jobs = resolved({ remember: '1d', lock, limits: { a: { servers: 2 }, b: { slots: 5 } } });
    expect(jobs.remember).toBe(86_400_000);
    expect(jobs.lock).toMatchObject({ ttl: 1_000, maxHold: 60_000, replicas: 1 });
    expect(jobs.limits.get('a')).toMatchObject({ perServer: true, lock: { permits: 2, mode: 'shared', wait: 20_000 } });
    expect(jobs.limits.get('b')).toMatchObject({ perServer: false, lock: { permits: 5, mode: 'shared', ttl: 15_000 } });
  });
});
