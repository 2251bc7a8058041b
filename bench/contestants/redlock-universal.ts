import { createLock, IoredisAdapter, type Lock, type LockHandle } from 'redlock-universal';
import { type Contestant, connect, type Locks, POLL, TTL } from './contestant.js';

interface Held {
  lock: Lock;
  handle: LockHandle;
}

export const redlockUniversal: Contestant = {
  name: 'redlock-universal',
  settings: `performance 'lean', its fastest; retryDelay ${POLL} (default 100), retryAttempts without bound`,
  async open(url): Promise<Locks<Held>> {
    const client = await connect(url);
    const options = {
      adapter: new IoredisAdapter(client),
      ttl: TTL,
      performance: 'lean',
      retryDelay: POLL,
      retryAttempts: Number.MAX_SAFE_INTEGER,
    } as const;
    return {
      async acquire(name) {
        const lock = createLock({ ...options, key: name });
        return { lock, handle: await lock.acquire() };
      },
      async release({ lock, handle }) {
        if (!(await lock.release(handle))) throw new Error('redlock-universal did not hold what it released');
      },
      close: async () => client.disconnect(),
    };
  },
};
