import { AsyncLocalStorage } from 'node:async_hooks';
import type { Acquisition } from './acquisition.js';
import type { HeldLock, Lock } from './lock.js';

interface Frame {
  /** Whose lock it is: two services never share one. */
  readonly realm: object;
  readonly lock: HeldLock;
  readonly outer: Frame | undefined;
}

const frames = new AsyncLocalStorage<Frame>();

/** Runs `body` so that it, and all that it calls and awaits, finds `lock` as its current lock. */
export function runWithin<T>(realm: object, lock: HeldLock, body: () => T): T {
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

/** The call chain of an async context: what it holds is read when somebody asks. */
export type Chain = Frame | undefined;

/** The call chain of this async context. */
export function chainHere(): Chain {
  return frames.getStore();
}

/** The names that the bodies of a chain hold, the innermost first. */
export function namesHeldBy(chain: Chain, realm: object): string[] {
  const names = new Set<string>();
  for (let frame = chain; frame; frame = frame.outer) {
    if (frame.realm === realm && frame.lock.held) for (const name of frame.lock.names) names.add(name);
  }
  return [...names];
}

/** The innermost frame of this call chain whose body still runs, and that holds `name`. */
export function heldHere(realm: object, name: string): { lock: HeldLock; part: Acquisition } | undefined {
  for (let frame = frames.getStore(); frame; frame = frame.outer) {
    const part = frame.realm === realm ? frame.lock.openPart(name) : undefined;
    if (part) return { lock: frame.lock, part };
  }
  return undefined;
}
