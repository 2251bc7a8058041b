import type { LockStore } from '../../lib/index.js';
import { MemoryLockStore } from '../../lib/index.js';
import { QuorumLockStore } from '../../lib/stores/redis/quorum/quorum-lock-store.js';

/** A quorum of servers that are in memory, and all there. */
export function memoryVoters(count: number): LockStore {
  return new QuorumLockStore(Array.from({ length: count }, () => new MemoryLockStore()));
}
