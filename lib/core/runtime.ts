import { AsyncResource } from 'node:async_hooks';
import { performance } from 'node:perf_hooks';
import * as timers from 'node:timers';

/** The timers and clocks of the machine, as everything in this package uses them. */
export interface Runtime {
  setTimeout(fn: () => void, ms: number): NodeJS.Timeout;
  clearTimeout(timer: NodeJS.Timeout): void;
  setImmediate(fn: () => void): void;
  nextTick(fn: () => void): void;
  queueMicrotask(fn: () => void): void;
  /** Milliseconds since `timeOrigin`, by the monotonic clock. */
  monotonic(): number;
  /** Milliseconds since the epoch, by the wall clock. */
  wall(): number;
  /** When the monotonic clock began, in ms since the epoch. */
  readonly timeOrigin: number;
}

/** What stands in a place where fake timers put their own: Sinon (and so Vitest and Jest) keeps the original in `clock`. */
interface Replaceable {
  readonly clock?: Readonly<Record<string, unknown>>;
  /** A mock of Jest, as its legacy fake timers are. */
  readonly _isMockFunction?: boolean;
}

/**
 * The functions as they are when this package is loaded. Tests of applications fake the globals afterwards, and time
 * stands still then: a lock that is free must be taken all the same, and what was begun must end. Where the fakes came
 * first, the originals are found behind them. Our own tests set other functions here.
 */
export const runtime: Runtime = {
  setTimeout: original(timers.setTimeout, 'setTimeout'),
  clearTimeout: original(timers.clearTimeout, 'clearTimeout'),
  setImmediate: original(timers.setImmediate, 'setImmediate'),
  nextTick: original(process.nextTick, 'nextTick', soon),
  queueMicrotask: original(globalThis.queueMicrotask, 'queueMicrotask', soon),
  // Fake timers put theirs on the object itself.
  monotonic: Object.getPrototypeOf(performance).now.bind(performance),
  wall: original(globalThis.Date, 'Date').now,
  timeOrigin: performance.timeOrigin,
};

/** `otherwise`: for a fake that does not tell what it stands for. */
function original<T extends object>(found: T, name: string, otherwise = found): T {
  const { clock, _isMockFunction: isMock } = found as Replaceable;
  const behind = clock?.[`_${name}`] as T | undefined;
  if (behind) return original(behind, name, otherwise);
  return isMock ? otherwise : found;
}

function soon(fn: () => void): void {
  void Promise.resolve().then(fn);
}

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
