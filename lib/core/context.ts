import { AsyncLocalStorage } from 'node:async_hooks';
import type { Hold } from './hold.js';
import type { Lock, LockHandle } from './lock.js';

interface Frame {
  /** Whose lock it is: two services never share one. */
  readonly realm: object;
  readonly lock: LockHandle;
  readonly outer: Frame | undefined;
}

const frames = new AsyncLocalStorage<Frame>();

/** Runs `body` so that it, and all that it calls and awaits, finds `lock` as its current lock. */
export function runWithin<T>(realm: object, lock: LockHandle, body: () => T): T {
  let outer = frames.getStore();
  // A chain of tasks that each outlive their lock would else grow for ever.
  while (outer?.lock.released) outer = outer.outer;
  return frames.run({ realm, lock, outer }, body);
}

/**
 * The innermost lock of this async context: of the decorated method, or of `run`, that is being executed. With `name`,
 * the innermost that has this name. Undefined outside of any. A task that outlives the lock finds it still, not held.
 */
export function currentLock(name?: string): Lock | undefined {
  for (let frame = frames.getStore(); frame; frame = frame.outer) {
    if (name === undefined || frame.lock.names.includes(name)) return frame.lock;
  }
  return undefined;
}

/** The innermost frame of this call chain whose body still runs, and that holds `name`. */
export function heldHere(realm: object, name: string): { lock: LockHandle; hold: Hold } | undefined {
  for (let frame = frames.getStore(); frame; frame = frame.outer) {
    const hold = frame.realm === realm ? frame.lock.openHoldOf(name) : undefined;
    if (hold) return { lock: frame.lock, hold };
  }
  return undefined;
}
