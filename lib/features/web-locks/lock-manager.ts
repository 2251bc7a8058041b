import type { Locker } from '../../core/locker.js';
import type { LockMode } from '../../core/options.js';
import type { LockService } from '../../service/lock-service.js';
import { assertPossible, convertArguments } from './conversion.js';
import { translated } from './exceptions.js';
import { hold } from './hold.js';
import { type LockManagerSnapshot, takeSnapshot } from './snapshot.js';
import type { WebLock } from './web-lock.js';
import { lockNameOf } from './web-names.js';

/** The `LockOptions` of the standard. */
export interface WebLockOptions {
  /** `'exclusive'`: one holder. `'shared'`: any number of holders, but no exclusive one. Default `'exclusive'`. */
  mode?: LockMode | undefined;
  /** Does not wait: the callback gets null when the lock is not free. Default `false`. */
  ifAvailable?: boolean | undefined;
  /** Takes the lock from whoever holds it, and before all who wait. Only exclusive. Default `false`. */
  steal?: boolean | undefined;
  /** Aborts the wait; not together with `steal` and `ifAvailable`. Without effect once the callback was called. */
  signal?: AbortSignal | undefined;
}

/** The `LockManager` of the W3C standard "Web Locks API", for all processes that share a store. */
export interface LockManager {
  /**
   * Calls `callback` when the lock is granted, holds the lock until the promise that it returns is settled, and then
   * resolves, or rejects, to the same. The name may be any text that does not start with `-`.
   *
   * Everything that can go wrong is a rejection: with `TypeError` for wrong arguments; with a `DOMException` called
   * `NotSupportedError` for a reserved name, for options that contradict each other and for a store that cannot steal;
   * with a `DOMException` called `AbortError` when the lock was stolen or its lease was lost (the `cause` is the
   * `LockLostError`); with the signal's reason when the wait was aborted; with `LockKeyError` for a name of much more
   * than 500 bytes; with `LockUnavailableError` and `LockClosedError` as the service.
   */
  request<T>(name: string, callback: (lock: WebLock) => T): Promise<Awaited<T>>;
  /** With `ifAvailable`, `callback` gets null when the lock is not free. */
  request<T>(name: string, options: WebLockOptions, callback: (lock: WebLock | null) => T): Promise<Awaited<T>>;
  /**
   * Who holds which lock and who waits for it, of all processes. For debugging: it reads all keys of the store, and is
   * old when it arrives. Rejects with `LockUnavailableError`, and with `NotSupportedError` for a store that cannot list.
   */
  query(): Promise<LockManagerSnapshot>;
}

/** Web locks in the store of `service`, with its lease (`ttl`) and `replicas`. One service is one client. */
export function createLockManager(service: LockService): LockManager {
  return new ServiceLockManager(service.locker);
}

class ServiceLockManager implements LockManager {
  readonly #locker: Locker;
  /** The locks of the requests that have not settled. */
  readonly #asked = new Set<{ readonly lockName: string }>();

  constructor(locker: Locker) {
    this.#locker = locker;
  }

  async request<T>(...args: readonly unknown[]): Promise<Awaited<T>> {
    const request = convertArguments(args);
    assertPossible(request);
    const asked = { lockName: lockNameOf(request.name) };
    this.#asked.add(asked);
    try {
      return (await hold(this.#locker, asked.lockName, request)) as Awaited<T>;
    } finally {
      this.#asked.delete(asked);
    }
  }

  async query(): Promise<LockManagerSnapshot> {
    try {
      return await takeSnapshot(
        this.#locker,
        [...this.#asked].map(({ lockName }) => lockName),
      );
    } catch (error) {
      throw translated(error);
    }
  }

  get [Symbol.toStringTag](): string {
    return 'LockManager';
  }
}
