import { openEtcdElection } from './etcd-election.js';
import { openEtcdLock } from './etcd-lock.js';
import { openNestjsLock } from './nestjs-lock.js';
import type { StoreName } from './servers.js';
import { openZooKeeperLock } from './zookeeper-lock.js';

/** The lease of every contestant: for how long a holder that died blocks the others. In seconds, as etcd has it. */
export const LEASE_SECONDS = 5;

export type Release = () => Promise<void>;

/** One client with a connection of its own. */
export interface LockClient {
  /** Waits until it is granted, however long that takes. */
  acquire(name: string): Promise<Release>;
  close(): Promise<void>;
}

export interface Contestant {
  readonly title: string;
  readonly store: StoreName;
  /** `address` is that of the store: a URL for Redis, `host:port` for the others. */
  open(address: string): Promise<LockClient>;
}

export const CONTESTANTS = {
  redis: { title: 'nestjs-lock', store: 'redis', open: openNestjsLock },
  'redis-aof': { title: 'nestjs-lock, fsync', store: 'redis-aof', open: openNestjsLock },
  'etcd-lock': { title: 'etcd Lock', store: 'etcd', open: openEtcdLock },
  'etcd-election': { title: 'etcd Election', store: 'etcd', open: openEtcdElection },
  zookeeper: { title: 'ZooKeeper recipe', store: 'zookeeper', open: openZooKeeperLock },
} as const satisfies Record<string, Contestant>;

export type ContestantName = keyof typeof CONTESTANTS;

export const CONTESTANT_NAMES = Object.keys(CONTESTANTS) as ContestantName[];
