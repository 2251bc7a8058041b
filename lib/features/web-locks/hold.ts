import { LockBusyError } from '../../core/errors.js';
import type { Lock } from '../../core/lock.js';
import type { Locker } from '../../core/locker.js';
import { type ResolvedLockOptions, UNBOUNDED } from '../../core/options.js';
import type { WebLockRequest } from './conversion.js';
import { aborted, translated } from './exceptions.js';
import { GrantedWebLock } from './web-lock.js';

/**
 * Calls the callback with the lock, once it is granted. The promise settles when the lock is given back, or at once when
 * it is taken away under the callback, which runs on.
 */
export function hold(locker: Locker, lockName: string, request: WebLockRequest): Promise<unknown> {
  const { name, mode, signal, ifAvailable, callback } = request;
  let running = false;
  return new Promise((resolve, reject) => {
    const body = async (lock: Lock): Promise<unknown> => {
      // An abort counts until the callback is called, and the grant was a moment ago.
      signal?.throwIfAborted();
      running = true;
      lock.signal.addEventListener('abort', () => reject(aborted(lock.signal.reason)));
      const value = await callback(new GrantedWebLock(name, mode));
      running = false;
      return value;
    };
    const failed = async (error: unknown): Promise<unknown> => {
      // The callback's own error, or the caller's own reason, whatever it is.
      if (running || (signal?.aborted && error === signal.reason)) throw error;
      if (ifAvailable && error instanceof LockBusyError) return callback(null);
      throw translated(error);
    };
    locker.run([lockName], optionsFor(locker.defaults, request), body).catch(failed).then(resolve, reject);
  });
}

/** Everything of the service's defaults that the standard says nothing of stays. */
function optionsFor(defaults: ResolvedLockOptions, request: WebLockRequest): ResolvedLockOptions {
  const { mode, ifAvailable, steal, signal } = request;
  return {
    ...defaults,
    mode,
    permits: mode === 'exclusive' ? 0 : UNBOUNDED,
    wait: ifAvailable ? 0 : Number.POSITIVE_INFINITY,
    maxWaiting: Number.POSITIVE_INFINITY,
    renew: true,
    maxHold: Number.POSITIVE_INFINITY,
    holdAtLeast: 0,
    signal,
    reentrant: false,
    // A loss that only the release finds out about counts as any other.
    onLost: 'throw',
    standalone: true,
    steal,
  };
}
