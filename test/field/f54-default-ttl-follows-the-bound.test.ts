import { describe, expect, it } from 'vitest';
import { DEFAULT_LOCK_OPTIONS, resolveLockOptions } from '../../lib/core/options.js';
import { resolveJobOptions } from '../../lib/features/jobs/job-options.js';
import { resolveElectOptions } from '../../lib/features/leader-election.js';
import { createLockService, type LockServiceOptions } from '../../lib/index.js';
import type { JobOptions } from '../../lib/jobs.js';
import { resolveServiceOptions } from '../../lib/service/service-options.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import { quiet } from '../support/stores.js';

const LONGEST = { longestTtl: '10s' } as const;
const listener = { onElected: () => {} };

/** What the error says, other than the remedy, in which every option may stand. */
function complaintOf(options: LockServiceOptions, isQuorum: boolean): string {
  try {
    resolveServiceOptions(options, isQuorum);
  } catch (error) {
    return (error as Error).message.split(':')[0] as string;
  }
  return 'none';
}

describe.each([
  ['a quorum', true],
  ['any other store', false],
])('F54: `longestTtl` without a `ttl`, on %s', (_, isQuorum) => {
  it('is the `ttl` of every lock whose `ttl` nobody gave', () => {
    const { defaults, longestTtl } = resolveServiceOptions(LONGEST, isQuorum);
    const jobs = resolveJobOptions(defaults, longestTtl, { limits: { report: { slots: 2 } } });
    expect(defaults.ttl).toBe(10_000);
    expect(jobs.lock.ttl).toBe(10_000);
    expect(jobs.limits.get('report')?.lock.ttl).toBe(10_000);
    expect(resolveElectOptions(defaults, listener).lock.ttl).toBe(10_000);
    expect(resolveLockOptions(defaults, { wait: '1s', holdAtLeast: '5s' }).ttl).toBe(10_000);
  });

  it('leaves a shorter default as it is', () => {
    expect(resolveServiceOptions({ longestTtl: '1h' }, isQuorum).defaults.ttl).toBe(DEFAULT_LOCK_OPTIONS.ttl);
    expect(resolveServiceOptions({ ...LONGEST, defaults: { ttl: '3s' } }, isQuorum).defaults.ttl).toBe(3_000);
  });

  it('refuses what was given, and speaks of nothing else', () => {
    const complaint = (options: LockServiceOptions) => complaintOf({ ...LONGEST, ...options }, isQuorum);
    expect(complaint({ defaults: { ttl: '11s' } })).toMatch(/^The option `ttl` is 11000 ms in `defaults`/);
    expect(complaint({ defaults: { holdAtLeast: '11s' } })).toMatch(
      /^The option `holdAtLeast` is 11000 ms in `defaults`/,
    );
    expect(complaint({ defaults: { wait: '1h' } })).toBe('none');
    const { defaults, longestTtl } = resolveServiceOptions(LONGEST, isQuorum);
    const jobs = (options: JobOptions) => () => resolveJobOptions(defaults, longestTtl, options);
    expect(jobs({ lock: { ttl: '11s' } })).toThrow(/^The option `ttl` is 11000 ms in `lock` of jobs/);
    expect(jobs({ lock: { maxHold: '1h' } })).not.toThrow();
  });
});

describe('F54: a quorum', () => {
  it('without `longestTtl` has room for the `holdAtLeast` that is given', () => {
    const { defaults, longestTtl } = resolveServiceOptions({ defaults: { holdAtLeast: '1m' } }, true);
    expect(defaults.ttl).toBe(DEFAULT_LOCK_OPTIONS.ttl);
    expect(longestTtl).toBe(60_000);
  });

  it('with `longestTtl` alone gives locks', async () => {
    await using quorum = await RedisQuorum.start(3);
    await using locks = await createLockService({
      quorum: quorum.urls,
      longestTtl: '1s',
      commandTimeout: '1m',
      logger: quiet,
    });
    const lock = await locks.acquire('door', { wait: 0 });
    expect(lock.remaining()).toBeLessThanOrEqual(1_000);
    expect(await lock.release()).toBe(true);
  });
});
