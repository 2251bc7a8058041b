import { Cluster } from 'ioredis';
import type { LockServiceOptions, LockStoreOptions } from '../../../lib/index.js';
import type { Source } from '../stores/store.js';
import { LONGEST_TTL_MS } from './orders.js';

/** The part of the service's options that names the store, and how to close what was opened here. */
export interface Connected {
  readonly options: LockStoreOptions & Pick<LockServiceOptions, 'longestTtl'>;
  close(): void;
}

export function connectTo(source: Source): Connected {
  switch (source.kind) {
    case 'single':
      return { options: { redis: url(source.port) }, close: () => {} };
    case 'sentinel':
      return { options: { redis: sentinelOptions(source) }, close: () => {} };
    case 'cluster':
      return connectToCluster(source);
    case 'quorum':
      return { options: { quorum: source.ports.map(url), longestTtl: LONGEST_TTL_MS }, close: () => {} };
  }
}

function url(port: number): string {
  return `redis://127.0.0.1:${port}`;
}

function sentinelOptions({ name, sentinels, nat }: Extract<Source, { kind: 'sentinel' }>) {
  return {
    name,
    sentinels: sentinels.map((port) => ({ host: '127.0.0.1', port })),
    natMap: nat,
    sentinelRetryStrategy: () => 100,
    retryStrategy: () => 100,
  };
}

function connectToCluster({ nodes, nat }: Extract<Source, { kind: 'cluster' }>): Connected {
  const client = new Cluster(
    nodes.map((port) => ({ host: '127.0.0.1', port })),
    { natMap: nat, clusterRetryStrategy: () => 100, slotsRefreshInterval: 1_000 },
  );
  client.on('error', () => {}); // Servers are killed on purpose.
  const close = (): void => {
    client.disconnect();
    // A look for the slots that is under way would arm the timer for the next one.
    client.refreshSlotsCache(() => client.disconnect());
  };
  return { options: { redis: client as never }, close };
}
