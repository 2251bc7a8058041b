import type { Redis } from 'ioredis';
import { type Contestant, connect, type Locks, POLL, TTL } from './contestant.js';

interface Lock {
  release(): Promise<unknown>;
}

type Redlock = new (
  clients: Redis[],
  settings: { retryCount: number; retryDelay: number; retryJitter: number },
) => { acquire(resources: string[], duration: number): Promise<Lock> };

/** The package and its fork have one interface. */
export function redlockContestant(name: string, Redlock: Redlock): Contestant {
  return {
    name,
    settings: `retryCount -1, retryDelay ${POLL} (default 200), retryJitter ${POLL / 2} (default 100)`,
    async open(url): Promise<Locks<Lock>> {
      const client = await connect(url);
      const locker = new Redlock([client], { retryCount: -1, retryDelay: POLL, retryJitter: POLL / 2 });
      return {
        acquire: (name) => locker.acquire([name], TTL),
        release: (lock) => lock.release(),
        close: async () => client.disconnect(),
      };
    },
  };
}
