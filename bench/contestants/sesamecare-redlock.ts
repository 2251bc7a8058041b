import { type Lock, Redlock } from '@sesamecare-oss/redlock';
import { type Contestant, connect, type Locks, POLL, TTL } from './contestant.js';

export const sesamecareRedlock: Contestant = {
  name: '@sesamecare-oss/redlock',
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
