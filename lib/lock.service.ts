import { systemClock } from './core/clock.js';
import { LockBusyError, LockOptionsError } from './core/errors.js';
import type { LockInspection } from './core/inspection.js';
import type { Lock } from './core/lock.js';
import type { LockStore } from './core/lock-store.js';
import { type LockedBody, Locker } from './core/locker.js';
import { type LockName, resolveNames } from './core/names.js';
import { type LockOptions, type ResolvedLockOptions, resolveLockOptions } from './core/options.js';
import type { ResolvedServiceOptions } from './core/service-options.js';

/** What became of a `tryRun`. */
export type TryRunResult<T> = { acquired: true; value: T } | { acquired: false };

type RunArguments<T> = [body: LockedBody<T>] | [options: LockOptions | undefined, body: LockedBody<T>];

/**
 * Locks by name, in the store that the module was registered with. Inject it, or make one with `createLockService`.
 *
 * A name is a text of at most 512 bytes, or an array of texts: then all are locked or none, in one order that is the
 * same for everybody, so that two callers cannot wait for each other.
 *
 * Every method rejects with `LockUnavailableError` when the store does not answer or refuses, with `LockKeyError` or
 * `LockOptionsError` for bad input, and with `LockClosedError` once the service shuts down.
 */
export class LockService {
  readonly #locker: Locker;
  readonly #defaults: ResolvedLockOptions;
  readonly #closeStore: () => Promise<void>;
  #closed: Promise<void> | undefined;

  /** @internal Made by the module or by `createLockService`. */
  constructor(store: LockStore, options: ResolvedServiceOptions, closeStore: () => Promise<void>) {
    this.#locker = new Locker(store, systemClock, options);
    this.#defaults = options.defaults;
    this.#closeStore = closeStore;
  }

  /**
   * Waits for the lock, at most `wait`. The caller releases it.
   * @throws LockBusyError when the wait is over; the reason of `signal` when that aborts first.
   */
  acquire(name: LockName, options?: LockOptions): Promise<Lock> {
    try {
      return this.#locker.acquire(resolveNames(name), resolveLockOptions(this.#defaults, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The lock, or null when somebody else has it. Does not wait, unless the call itself gives a `wait`. */
  async tryAcquire(name: LockName, options?: LockOptions): Promise<Lock | null> {
    try {
      return await this.acquire(name, withoutWait(options));
    } catch (error) {
      if (error instanceof LockBusyError) return null;
      throw error;
    }
  }

  /**
   * Runs `body` with the lock, and resolves to what it returns. The lock is released whatever happens; an error of
   * `body` comes out as it is, also when the release fails.
   * @throws LockBusyError when the wait is over, LockLostError when the body ended well but the lock was lost.
   */
  run<T>(name: LockName, body: LockedBody<T>): Promise<T>;
  run<T>(name: LockName, options: LockOptions | undefined, body: LockedBody<T>): Promise<T>;
  run<T>(name: LockName, ...rest: RunArguments<T>): Promise<T> {
    try {
      const [options, body] = splitArguments(rest);
      return this.#locker.run(resolveNames(name), resolveLockOptions(this.#defaults, options), body);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Like `run`, but a busy lock is a result. Does not wait, unless the call itself gives a `wait`. */
  tryRun<T>(name: LockName, body: LockedBody<T>): Promise<TryRunResult<T>>;
  tryRun<T>(name: LockName, options: LockOptions | undefined, body: LockedBody<T>): Promise<TryRunResult<T>>;
  async tryRun<T>(name: LockName, ...rest: RunArguments<T>): Promise<TryRunResult<T>> {
    const [options, body] = splitArguments(rest);
    let started = false;
    try {
      const value = await this.run(name, withoutWait(options), (lock) => {
        started = true;
        return body(lock);
      });
      return { acquired: true, value };
    } catch (error) {
      // A busy error of the body itself is the body's, and comes out as it is.
      if (!started && error instanceof LockBusyError) return { acquired: false };
      throw error;
    }
  }

  /** Who holds the lock and who waits for it, in the order of the queue. For operators: it is old when it arrives. */
  async inspect(name: string): Promise<LockInspection> {
    return this.#locker.inspect(single(name));
  }

  /**
   * Frees the lock for everybody and tells the holders, whose signals abort. True: somebody held it. The holders may
   * act on for as long as it takes them to notice; fencing tokens keep what they do harmless.
   */
  async forceRelease(name: string): Promise<boolean> {
    return this.#locker.forceRelease(single(name));
  }

  /**
   * Shuts down: no new locks, waiters get `LockClosedError`, bodies that run have `shutdownGrace` to end, what is still
   * held is released and its signal aborted, own connections are closed. A second call waits for the first.
   */
  close(): Promise<void> {
    this.#closed ??= this.#locker.close().then(this.#closeStore);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Nest's hook: after the modules were told, before the server and its connections go. */
  beforeApplicationShutdown(): Promise<void> {
    return this.close();
  }
}

function single(name: string): string {
  return resolveNames([name])[0] as string;
}

function withoutWait(options: LockOptions | undefined): LockOptions {
  return options?.wait === undefined ? { ...options, wait: 0 } : options;
}

function splitArguments<T>(rest: RunArguments<T>): [LockOptions | undefined, LockedBody<T>] {
  const [options, body] = rest.length === 1 ? [undefined, rest[0]] : rest;
  if (typeof body === 'function') return [options, body];
  throw new LockOptionsError(
    'There is no function to run under the lock: call run(name, body) or run(name, options, body).',
  );
}
