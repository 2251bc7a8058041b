import { inspect } from 'node:util';
import { type Duration, toMilliseconds } from '../../core/duration.js';
import { LockOptionsError } from '../../core/errors.js';
import {
  assertKnown,
  assertNoLonger,
  assertObject,
  type LockOptions,
  type ResolvedLockOptions,
  resolveLockOptions,
} from '../../core/options.js';

/** How many may run a job at once. Give all servers the same. */
export type JobLimit =
  | {
      /** So many servers at once, each with as many runs as it likes. A server is one `JobSemaphore`. */
      servers: number;
      slots?: undefined;
    }
  | {
      /** So many runs at once, over all servers. */
      slots: number;
      servers?: undefined;
    };

/** What `JobLocks` and `JobSemaphore` need to know. */
export interface JobOptions {
  /**
   * For how long it stays known that an element is processed. Default `'7d'`. Longer than the same element may come again,
   * by redelivery, by repair, by hand; after it, the element is processed anew.
   */
  remember?: Duration | undefined;
  /** How `JobLocks` holds an element, where `defaults` should not say it. */
  lock?: Pick<LockOptions, 'ttl' | 'maxHold' | 'replicas'> | undefined;
  /** Per job, by its name: what `JobSemaphore` lets run at once. A job that is not named here cannot be run by it. */
  limits?: Readonly<Record<string, JobLimit>> | undefined;
}

export interface ResolvedJobLimit {
  /** One permit is for a whole server, and not for a single run. */
  readonly perServer: boolean;
  readonly lock: ResolvedLockOptions;
}

export interface ResolvedJobOptions {
  /** In ms. */
  readonly remember: number;
  /** Of an element: exclusive, does not wait. */
  readonly lock: ResolvedLockOptions;
  readonly limits: ReadonlyMap<string, ResolvedJobLimit>;
}

/** `options` over the `defaults` of the service; throws `LockOptionsError` for what is wrong in them. */
export function resolveJobOptions(
  defaults: ResolvedLockOptions,
  longestTtl: number,
  options: JobOptions = {},
): ResolvedJobOptions {
  assertObject(options, 'the options of jobs');
  assertKnown(options, ['remember', 'lock', 'limits'], 'the options of jobs');
  const { remember = '7d', lock = {}, limits = {} } = options;
  assertObject(lock, '`lock` of jobs');
  assertKnown(lock, ['ttl', 'maxHold', 'replicas'], '`lock` of jobs');
  assertObject(limits, '`limits` of jobs');
  const element = resolveLockOptions(defaults, { ...lock, mode: 'exclusive', wait: 0 }, '`lock` of jobs');
  assertNoLonger(longestTtl, element, '`lock` of jobs');
  return Object.freeze({
    remember: toMilliseconds(remember, 'remember', { min: 1 }),
    lock: element,
    limits: new Map(Object.entries(limits).map(([job, limit]) => [job, resolveLimit(defaults, job, limit)])),
  });
}

function resolveLimit(defaults: ResolvedLockOptions, job: string, limit: JobLimit): ResolvedJobLimit {
  const at = `\`limits\` of ${inspect(job)}`;
  assertObject(limit, at);
  assertKnown(limit, ['servers', 'slots'], at);
  const { servers, slots } = limit;
  if ((servers === undefined) === (slots === undefined)) {
    throw new LockOptionsError(`Expected one of \`servers\` and \`slots\` in ${at}: give one.`);
  }
  const perServer = servers !== undefined;
  const permits = servers ?? slots;
  if (!Number.isSafeInteger(permits) || permits < 1) {
    throw new LockOptionsError(
      `The option \`${perServer ? 'servers' : 'slots'}\` in ${at} is ${inspect(permits)}: give a whole number of at least 1.`,
    );
  }
  // The runs of a server come and go under one permit: how long that is held says nothing of any of them.
  const maxHold = perServer ? Number.POSITIVE_INFINITY : defaults.maxHold;
  return { perServer, lock: resolveLockOptions(defaults, { mode: 'shared', permits, maxHold }) };
}
