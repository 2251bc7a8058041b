import { createLockService, type Lock, type LockServiceOptions } from '../../lib/index.js';
import { type Contestant, connect, type Locks } from './contestant.js';

async function open(url: string, options?: Pick<LockServiceOptions, 'localHandOver'>): Promise<Locks<Lock>> {
  const client = await connect(url);
  const service = await createLockService({
    ...options,
    redis: client,
    defaults: { wait: Number.POSITIVE_INFINITY },
  });
  return {
    acquire: (name) => service.acquire(name),
    release: (lock) => lock.release(),
    async close() {
      await service.close();
      client.disconnect();
    },
  };
}

export const ours: Contestant = { name: 'nestjs-lock', settings: 'wait: Infinity', open: (url) => open(url) };

/** With another bound of the hand-over inside a process than the default. */
export const oursHandingOver = [0, 4, 16, 256].map(
  (max): Contestant => ({
    name: `nestjs-lock, max ${max}`,
    settings: `wait: Infinity, localHandOver: { max: ${max} }`,
    open: (url) => open(url, { localHandOver: { max } }),
  }),
);
