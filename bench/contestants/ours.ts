import { createLockService, type Lock } from '../../lib/index.js';
import { type Contestant, connect, type Locks } from './contestant.js';

export const ours: Contestant = {
  name: 'nestjs-lock',
  settings: 'wait: Infinity',
  async open(url): Promise<Locks<Lock>> {
    const client = await connect(url);
    const service = await createLockService({ redis: client, defaults: { wait: Number.POSITIVE_INFINITY } });
    return {
      acquire: (name) => service.acquire(name),
      release: (lock) => lock.release(),
      async close() {
        await service.close();
        client.disconnect();
      },
    };
  },
};
