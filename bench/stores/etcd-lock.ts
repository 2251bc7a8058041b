import { Etcd3, EtcdLockFailedError } from 'etcd3';
import { LEASE_SECONDS, type LockClient } from './contestant.js';

/**
 * The `Lock` of etcd3. It fails at once when busy and has no queue, so a waiter watches for the key's deletion and then
 * tries again beside all others: quicker than the back-off that its maintainers suggest, and just as unfair.
 */
export async function openEtcdLock(address: string): Promise<LockClient> {
  const client = new Etcd3({ hosts: `http://${address}` });
  return {
    async acquire(name) {
      for (;;) {
        const lock = client.lock(name).ttl(LEASE_SECONDS);
        try {
          await lock.acquire();
          return () => lock.release();
        } catch (error) {
          if (!(error instanceof EtcdLockFailedError)) throw error;
        }
        await deletion(client, name);
      }
    },
    close: async () => client.close(),
  };
}

async function deletion(client: Etcd3, key: string): Promise<void> {
  const { kvs, header } = await client.get(key).exec();
  if (kvs.length === 0) return;
  // From the one after what was read: no deletion is missed, and etcd serves watches of the past only every 100 ms.
  const next = String(BigInt(header.revision) + 1n);
  const watcher = client.watch().key(key).only('delete').startRevision(next).watcher();
  try {
    await new Promise((resolve, reject) => {
      watcher.once('delete', resolve);
      watcher.once('error', reject);
    });
  } finally {
    watcher.cancel().catch(() => {});
  }
}
