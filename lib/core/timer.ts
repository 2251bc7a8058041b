import { outside } from './outside.js';
import { runtime } from './runtime.js';

/** The longest delay that `setTimeout` takes; beyond it, it fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

export type CancelTimer = () => void;

/**
 * Calls `fn` once after `ms`, however long that is. `awaited` keeps the process alive meanwhile: for what somebody
 * awaits, never for upkeep.
 */
export function after(ms: number, fn: () => void, { awaited = false } = {}): CancelTimer {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    const rest = left - LONGEST_DELAY_MS;
    timer = rest > 0 ? runtime.setTimeout(() => arm(rest), LONGEST_DELAY_MS) : runtime.setTimeout(fn, left);
    if (!awaited) timer.unref();
  };
  outside(() => arm(ms));
  return () => runtime.clearTimeout(timer);
}

/** Resolves after `ms`. `awaited` keeps the process alive meanwhile. */
export function pause(ms: number, { awaited = true } = {}): Promise<void> {
  return new Promise((resolve) => void after(ms, resolve, { awaited }));
}

/** What the promise resolves to, or undefined when that takes longer; somebody awaits it. */
export function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const cancel = after(ms, () => resolve(undefined), { awaited: true });
    promise.finally(cancel).then(resolve, reject);
  });
}

/** Asks again after each error, `ms` later, until there is an answer; undefined when it is over before. */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  isOver: () => boolean,
  ms: number,
): Promise<T | undefined> {
  let answer: T | undefined;
  while (answer === undefined && !isOver()) {
    answer = await ask().catch(() => undefined);
    if (answer === undefined) await pause(ms);
  }
  return answer;
}
