import { Cluster, Redis } from 'ioredis';
import { Redis as Redis5 } from 'ioredis5';
import type { LockServiceOptions, LockStoreOptions } from '../../../lib/index.js';
import type { Source } from '../stores/store.js';
import { LONGEST_TTL_MS } from './orders.js';

/** The part of the service's options that names the store, and how to close what was opened here. */
export interface Connected {
  readonly options: LockStoreOptions & Pick<LockServiceOptions, 'longestTtl'>;
  close(): void;
  /** What it connects with from now on. */
  refresh?(password: string): void;
}

export function connectTo(source: Source, worker: string): Connected {
  switch (source.kind) {
    case 'single':
      return { options: { redis: url(source.port) }, close: () => {} };
    case 'handed-in':
      return handIn(source, worker);
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

/** What the documents recommend to whoever hands in a client. */
const HEALING = { socketTimeout: 2_000, retryStrategy: () => 100 };

/** The first half of the workers has the latest ioredis, the others the one before. */
function handIn({ port, user, password }: Extract<Source, { kind: 'handed-in' }>, worker: string): Connected {
  const reconnectOnError = ({ message }: Error): 2 | false => (message.startsWith('READONLY') ? 2 : false);
  const options = { host: '127.0.0.1', port, username: user, password, reconnectOnError, ...HEALING };
  const client = /^w[12]\b/.test(worker) ? new Redis(options) : new Redis5(options);
  client.on('error', () => {});
  const refresh = (next: string): void => {
    client.options.password = next;
  };
  return { options: { redis: client as never }, close: () => client.disconnect(), refresh };
}

function connectToCluster({ nodes, nat }: Extract<Source, { kind: 'cluster' }>): Connected {
  const client = new Cluster(
    nodes.map((port) => ({ host: '127.0.0.1', port })),
    {
      natMap: nat,
      clusterRetryStrategy: () => 100,
      slotsRefreshInterval: 1_000,
      redisOptions: { socketTimeout: HEALING.socketTimeout },
    },
  );
  client.on('error', () => {}); // Servers are killed on purpose.
  const close = (): void => {
    client.disconnect();
    // A look for the slots that is under way would arm the timer for the next one.
    client.refreshSlotsCache(() => client.disconnect());
  };
  return { options: { redis: client as never }, close };
}
