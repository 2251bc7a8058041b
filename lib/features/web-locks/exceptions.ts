import { LockLostError, LockOptionsError } from '../../core/errors.js';

/** The combination of arguments, or the store, cannot do what is asked. */
export function notSupported(message: string, cause?: unknown): DOMException {
  return exception('NotSupportedError', message, cause);
}

/** The lock was stolen, or lost for another reason, before the callback had ended. */
export function aborted(lost: LockLostError): DOMException {
  return exception('AbortError', lost.message, lost);
}

/** An error of the service as the standard calls it, where it knows it. */
export function translated(error: unknown): unknown {
  if (error instanceof LockLostError) return aborted(error);
  if (error instanceof LockOptionsError) return notSupported(error.message, error);
  return error;
}

function exception(name: string, message: string, cause: unknown): DOMException {
  return new DOMException(message, cause === undefined ? { name } : { name, cause });
}
