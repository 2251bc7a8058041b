import { createLockService } from '../../lib/index.js';
import { LEASE_SECONDS, type LockClient } from './contestant.js';

/** Ours, as it is by default but for the lease and the endless wait. */
export async function openNestjsLock(url: string): Promise<LockClient> {
  const defaults = { ttl: LEASE_SECONDS * 1_000, wait: Number.POSITIVE_INFINITY };
  const locks = await createLockService({ redis: url, defaults });
  return {
    async acquire(name) {
      const lock = await locks.acquire(name);
      return async () => {
        if (!(await lock.release())) throw new Error(`The lock ${name} was lost before its release.`);
      };
    },
    close: () => locks[Symbol.asyncDispose](),
  };
}
