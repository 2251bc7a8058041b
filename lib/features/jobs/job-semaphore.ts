import { inspect } from 'node:util';
import { LockOptionsError } from '../../core/errors.js';
import type { HeldLock } from '../../core/lock.js';
import type { LockedBody } from '../../core/locker.js';
import type { LockService } from '../../service/lock-service.js';
import { nullIfBusy } from '../busy.js';
import { nameOfPermits } from './job-names.js';
import { type JobOptions, type ResolvedJobLimit, resolveJobOptions } from './job-options.js';
import { ServerPermit } from './server-permit.js';

/**
 * Bounds how many servers, or how many runs over all servers, run a job at once (option `limits`). Register it with
 * `LockJobsModule` and inject it, or make one with `new JobSemaphore(locks, { limits })`, one for a server.
 *
 * A place is renewed as long as the server lives; when the server dies, it is free after the `ttl`.
 *
 * Every method rejects with `LockOptionsError` for a job without a limit, with `LockUnavailableError` when the store does
 * not answer, and with `LockClosedError` once the service shuts down.
 */
export class JobSemaphore {
  readonly #locks: LockService;
  readonly #limits: ReadonlyMap<string, ResolvedJobLimit>;
  /** Of the jobs whose limit counts servers. */
  readonly #servers = new Map<string, ServerPermit>();
  /** What `tryAcquire` has taken, the oldest first. */
  readonly #taken = new Map<string, HeldLock[]>();

  /** @throws LockOptionsError for wrong options. */
  constructor(locks: LockService, options?: JobOptions) {
    this.#locks = locks;
    const { defaults, longestTtl } = locks.locker;
    this.#limits = resolveJobOptions(defaults, longestTtl, options).limits;
  }

  /** True: there is a place, until `release`. False: the others have all of them. Does not wait. */
  async tryAcquire(job: string): Promise<boolean> {
    const limit = this.#limitOf(job);
    const lock = await nullIfBusy(this.#acquire(job, limit, 0));
    if (lock) this.#taken.set(job, [...(this.#taken.get(job) ?? []), lock]);
    return lock !== null;
  }

  /**
   * Gives back what `tryAcquire` took, the oldest first; once for each. With a limit of servers, the last one frees the
   * place. True: it was ours until now. False: it had been lost, or none was taken.
   */
  async release(job: string): Promise<boolean> {
    this.#limitOf(job);
    const [lock, ...others] = this.#taken.get(job) ?? [];
    if (others.length > 0) this.#taken.set(job, others);
    else this.#taken.delete(job);
    return lock ? lock.release() : false;
  }

  /**
   * Waits for a place, at most the `wait` of the service's `defaults`, and runs `fn` in it; resolves to what `fn` returns.
   * @throws LockBusyError when the wait is over, LockLostError when `fn` ended well but the place was lost; whatever `fn`
   * throws.
   */
  async run<T>(job: string, fn: LockedBody<T>): Promise<T> {
    const limit = this.#limitOf(job);
    const { locker } = this.#locks;
    if (!limit.perServer) return locker.run([nameOfPermits(job)], limit.lock, fn);
    return locker.runHolding(() => this.#acquire(job, limit, limit.lock.wait), limit.lock, fn);
  }

  #acquire(job: string, { perServer, lock }: ResolvedJobLimit, wait: number): Promise<HeldLock> {
    if (perServer) return this.#permitOf(job, lock).enter(wait);
    return this.#locks.locker.acquire([nameOfPermits(job)], { ...lock, wait });
  }

  #permitOf(job: string, options: ResolvedJobLimit['lock']): ServerPermit {
    const name = nameOfPermits(job);
    const permit =
      this.#servers.get(job) ??
      new ServerPermit((wait, signal = options.signal) =>
        this.#locks.locker.acquire([name], { ...options, wait, signal }),
      );
    this.#servers.set(job, permit);
    return permit;
  }

  #limitOf(job: string): ResolvedJobLimit {
    const limit = this.#limits.get(job);
    if (limit) return limit;
    throw new LockOptionsError(
      `There is no limit for the job ${inspect(job)}: name it in the options of LockJobsModule or JobSemaphore, such as ` +
        '`limits: { render: { servers: 2 } }`.',
    );
  }
}
