import { Mutex } from 'redis-semaphore';
import { type Contestant, connect, type Locks, TTL } from './contestant.js';

const OPTIONS = { lockTimeout: TTL, acquireTimeout: Number.POSITIVE_INFINITY };

export const redisSemaphore: Contestant = {
  name: 'redis-semaphore',
  settings: 'acquireTimeout Infinity; polls every 10 ms, its default',
  async open(url): Promise<Locks<Mutex>> {
    const client = await connect(url);
    return {
      async acquire(name) {
        const mutex = new Mutex(client, name, OPTIONS);
        await mutex.acquire();
        return mutex;
      },
      release: (mutex) => mutex.release(),
      close: async () => client.disconnect(),
    };
  },
};
