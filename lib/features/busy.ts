import { LockBusyError } from '../core/errors.js';
import type { LockedBody } from '../core/locker.js';

/** What is acquired, or null when it is busy. */
export async function nullIfBusy<T>(acquiring: Promise<T>): Promise<T | null> {
  try {
    return await acquiring;
  } catch (error) {
    if (error instanceof LockBusyError) return null;
    throw error;
  }
}

/** Undefined: the lock is busy. A busy error of the body itself is the body's, and comes out as it is. */
export async function unlessBusy<T, R>(
  body: LockedBody<T>,
  attempt: (body: LockedBody<T>) => Promise<R>,
): Promise<{ value: R } | undefined> {
  let started = false;
  try {
    const value = await attempt((lock) => {
      started = true;
      return body(lock);
    });
    return { value };
  } catch (error) {
    if (!started && error instanceof LockBusyError) return undefined;
    throw error;
  }
}
