import { type Lock, LockFactory } from '@verrou/core';
import { redisStore } from '@verrou/core/drivers/redis';
import { type Contestant, connect, type Locks, POLL, TTL } from './contestant.js';

export const verrou: Contestant = {
  name: '@verrou/core',
  settings: `retry.delay ${POLL} (default 250), attempts Infinity, its default`,
  async open(url): Promise<Locks<Lock>> {
    const client = await connect(url);
    const factory = new LockFactory(redisStore({ connection: client }).factory(), { retry: { delay: POLL } });
    return {
      async acquire(name) {
        const lock = factory.createLock(name, TTL);
        if (!(await lock.acquire())) throw new Error('verrou gave up');
        return lock;
      },
      release: (lock) => lock.release(),
      close: async () => client.disconnect(),
    };
  },
};
