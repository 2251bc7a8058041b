import { Etcd3 } from 'etcd3';
import { LEASE_SECONDS, type LockClient } from './contestant.js';

/** The `Election` of etcd3: the only thing in it that queues, by the same recipe as the mutex of etcd's Go client. */
export async function openEtcdElection(address: string): Promise<LockClient> {
  const client = new Etcd3({ hosts: `http://${address}` });
  return {
    async acquire(name) {
      const campaign = client.election(name, LEASE_SECONDS).campaign('');
      await campaign.wait();
      return () => campaign.resign();
    },
    close: async () => client.close(),
  };
}
