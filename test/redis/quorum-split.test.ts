import { describe, expect, it } from 'vitest';
import { type LockStore, MemoryLockStore } from '../../lib/index.js';
import { QuorumLockStore } from '../../lib/redis/quorum/quorum-lock-store.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, useFakeTime } from '../support/fake-time.js';

const SIZE = 3;

/** What one process sees of the servers: each is nearest to another process. */
function quorumOf(servers: readonly MemoryLockStore[], process: number): QuorumLockStore {
  const voters = servers.map((server, index): LockStore => {
    const ms = 1 + ((index + process) % SIZE);
    const travel = () => new Promise((resolve) => setTimeout(resolve, ms));
    return {
      acquire: (claim) => travel().then(() => server.acquire(claim)),
      renew: (renewal) => travel().then(() => server.renew(renewal)),
      release: (owned) => travel().then(() => server.release(owned)),
      withdraw: (owned) => travel().then(() => server.withdraw(owned)),
      inspect: (name) => server.inspect(name),
      force: (name, expected) => server.force(name, expected),
      subscribe: (instance, listener) => server.subscribe(instance, listener),
    };
  });
  return new QuorumLockStore(voters);
}

function processes(): CoreLocks[] {
  const servers = Array.from({ length: SIZE }, () => new MemoryLockStore());
  return Array.from({ length: SIZE }, (_, index) => new CoreLocks(quorumOf(servers, index)));
}

describe('when each of three processes gets the vote of another server', () => {
  useFakeTime();

  it('one of those who do not wait gets the lock', async () => {
    const tries = processes().map((process) => watch(process.acquire('door', { wait: 0 })));
    await pass(1_000);
    expect(tries.filter(({ value }) => value?.held)).toHaveLength(1);
    expect(tries.filter(({ error }) => (error as { code?: string })?.code === 'LOCK_BUSY')).toHaveLength(2);
  });

  it('those who wait get it one after the other', async () => {
    const waits = processes().map((process) => watch(process.acquire('door', { wait: '1m' })));
    for (let served = 1; served <= SIZE; served += 1) {
      await pass(1_000);
      const held = waits.filter(({ value }) => value?.held);
      expect(held).toHaveLength(1);
      void held[0]!.value!.release();
    }
  });
});
