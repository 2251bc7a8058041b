import { LockLostError } from '../../core/errors.js';
import type { HeldLock } from '../../core/lock.js';
import type { LockedBody } from '../../core/locker.js';
import type { LockService } from '../../service/lock-service.js';
import { nullIfBusy } from '../busy.js';
import type { OnceResult } from '../once.js';
import { type JobElement, nameOfElement } from './job-names.js';
import { type JobOptions, type ResolvedJobOptions, resolveJobOptions } from './job-options.js';

/**
 * Locks the elements of jobs, so that of several servers that work through the same list one processes each element, and
 * remembers which are processed. Register it with `LockJobsModule` and inject it, or make one with `new JobLocks(locks)`.
 *
 * An element's lock has the name `<job>:<element>`, with both escaped, so that no element is taken for another job's. It
 * is renewed as long as the server lives; when the server dies, the element is free after the `ttl`.
 *
 * `lock` and `unlock` know a caller by the element only: of one server, whoever has lost it and goes on is taken for the
 * next one who has it. `withLock` tells them apart.
 *
 * Every method rejects with `LockUnavailableError` when the store does not answer, with `LockKeyError` for a job or
 * element that identifies nothing, with `LockOptionsError` for a store that keeps no marks, and with `LockClosedError`
 * once the service shuts down.
 */
export class JobLocks {
  readonly #locks: LockService;
  readonly #options: ResolvedJobOptions;
  /** Until their callers say how it ended, also when they are lost. */
  readonly #taken = new Map<string, HeldLock>();

  /** @throws LockOptionsError for wrong options. */
  constructor(locks: LockService, options?: JobOptions) {
    this.#locks = locks;
    const { defaults, longestTtl } = locks.locker;
    this.#options = resolveJobOptions(defaults, longestTtl, options);
  }

  /**
   * True: this caller has the element now. False: another has it, of this server or not, or it is processed already. Does
   * not wait.
   */
  async lock(job: string, element: JobElement): Promise<boolean> {
    const name = nameOfElement(job, element);
    const { locker } = this.#locks;
    const { calls } = locker;
    if (await calls.doneAt(name)) return false;
    const lock = await nullIfBusy(locker.acquire([name], this.#options.lock));
    if (!lock) return false;
    try {
      // Whoever had it before us may have processed it.
      if ((await calls.doneAt(name)) || !lock.held) return false;
      this.#taken.set(name, lock);
      return true;
    } finally {
      if (this.#taken.get(name) !== lock) await lock[Symbol.asyncDispose]();
    }
  }

  /**
   * Gives the element back, unprocessed. False: it was not this server's, or not any more; so after
   * `successfullyProcessed`.
   */
  async unlock(job: string, element: JobElement): Promise<boolean> {
    const name = nameOfElement(job, element);
    const lock = this.#taken.get(name);
    this.#taken.delete(name);
    return lock ? lock.release() : false;
  }

  /**
   * Marks the element as processed for the time `remember`, and gives it back, in one step.
   * @throws LockLostError when it was lost, or is not locked: nothing is marked, unless the store was away
   * (`why: 'unavailable'`), when that is unknown.
   */
  async successfullyProcessed(job: string, element: JobElement): Promise<void> {
    const name = nameOfElement(job, element);
    const lock = this.#taken.get(name);
    if (!lock) throw new LockLostError(name, 'released');
    const marked = await lock.complete(this.#options.remember);
    if (this.#taken.get(name) === lock) this.#taken.delete(name);
    if (!marked) throw lock.lost ?? new LockLostError(name, 'released');
  }

  /**
   * Runs `fn` with the element locked, unless it is processed already (`done`) or another has it (`busy`), and marks it as
   * processed when `fn` ends well. When `fn` throws, the element is free again, unmarked. Does not wait.
   * @throws LockLostError as `successfullyProcessed` does; whatever `fn` throws.
   */
  async withLock<T>(job: string, element: JobElement, fn: LockedBody<T>): Promise<OnceResult<T>> {
    const name = nameOfElement(job, element);
    const { remember, lock } = this.#options;
    const { mode, ttl, maxHold, replicas } = lock;
    const options = { remember, mode, ttl, maxHold, replicas, onLost: 'throw' } as const;
    return this.#locks.once(name, options, fn);
  }

  /** Removes the mark, so that the element is processed anew. False: there was none. */
  async forget(job: string, element: JobElement): Promise<boolean> {
    return this.#locks.forget(nameOfElement(job, element));
  }
}
