import { AsyncResource } from 'node:async_hooks';

/** Runs a function in the async context of the moment when this was made. */
export type AsyncContext = <T>(fn: () => T) => T;

/** The async context of the caller, to come back to. It keeps what the context holds, for as long as it is kept itself. */
export function here(): AsyncContext {
  const context = new AsyncResource('nestjs-lock', { requireManualDestroy: true });
  return (fn) => context.runInAsyncScope(fn);
}

/**
 * Runs a function in the async context in which this package was loaded. What lasts beyond a call (timers, sockets,
 * subscriptions) is made here: otherwise its callbacks would run in the context of the request that happened to make
 * it, and keep all that this request has.
 */
export const outside: AsyncContext = here();
