import { LockOptionsError } from './errors.js';
import type { LockStore, LockStoreExtras } from './lock-store.js';

/** A method that not every store has. Throws `LockOptionsError`, as early as `what` is called, where it is missing. */
export function extraOf<K extends keyof LockStoreExtras>(
  store: LockStore,
  method: K,
  what: string,
): LockStoreExtras[K] {
  const extra = store[method];
  if (extra) return extra.bind(store) as LockStoreExtras[K];
  throw new LockOptionsError(
    `${what} needs a store with the method ${method}(), which this one lacks: use another store, or do without.`,
  );
}
