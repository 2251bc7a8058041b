import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Contestant, connect, type Locks, POLL, TTL } from './contestant.js';

const RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0";
const RELEASE_SHA = createHash('sha1').update(RELEASE).digest('hex');

/** The least that a lock on Redis takes: neither fencing nor a queue nor renewal. What the others are measured against. */
export const plain: Contestant = {
  name: 'plain',
  settings: `SET NX PX and an EVALSHA compare-and-delete, polling every ${POLL} ms`,
  async open(url): Promise<Locks<{ name: string; owner: string }>> {
    const client = await connect(url);
    await client.script('LOAD', RELEASE);
    const prefix = randomBytes(12).toString('hex');
    let count = 0;
    return {
      async acquire(name) {
        count += 1;
        const owner = `${prefix}${count}`;
        while ((await client.set(name, owner, 'PX', TTL, 'NX')) !== 'OK') await sleep(POLL);
        return { name, owner };
      },
      release: ({ name, owner }) => client.evalsha(RELEASE_SHA, 1, name, owner),
      close: async () => client.disconnect(),
    };
  },
};
