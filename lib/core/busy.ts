import { LockBusyError } from './errors.js';

/** What is acquired, or null when it is busy. */
export async function nullIfBusy<T>(acquiring: Promise<T>): Promise<T | null> {
  try {
    return await acquiring;
  } catch (error) {
    if (error instanceof LockBusyError) return null;
    throw error;
  }
}
