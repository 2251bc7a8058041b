import type { LockStoreExtras } from '../../lib/core/lock-store.js';

const EXTRAS: Record<keyof LockStoreExtras, true> = {
  complete: true,
  doneAt: true,
  unmark: true,
  requestRelease: true,
  steal: true,
  names: true,
  ask: true,
  note: true,
  notes: true,
};

export const ALL_EXTRAS = Object.keys(EXTRAS) as (keyof LockStoreExtras)[];
