import { LockClosedError } from '../../core/errors.js';

type Body = () => unknown;

/**
 * A call that is skipped when another process has the lock is skipped, too, when the application shuts down: the tick of
 * a cron is the next process's then, and no error. A `LockClosedError` of the body itself is the body's.
 */
export async function skipWhenClosed<T>(
  body: Body,
  attempt: (body: Body) => Promise<T>,
  onSkipped: () => void,
): Promise<T | undefined> {
  let begun = false;
  const watched = (): unknown => {
    begun = true;
    return body();
  };
  try {
    return await attempt(watched);
  } catch (error) {
    if (begun || !(error instanceof LockClosedError)) throw error;
    onSkipped();
    return undefined;
  }
}
