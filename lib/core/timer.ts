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
    const delay = Math.min(left, LONGEST_DELAY_MS);
    timer = setTimeout(() => (left > delay ? arm(left - delay) : fn()), delay);
    if (!awaited) timer.unref();
  };
  arm(ms);
  return () => clearTimeout(timer);
}
