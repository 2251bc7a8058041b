import { startCluster } from './cluster.js';
import { startEndpoint } from './endpoint.js';
import { startHandedIn } from './handed-in.js';
import { startOneShard } from './one-shard.js';
import { startQuorum } from './quorum.js';
import { startSentinel } from './sentinel.js';
import { startSingle } from './single.js';
import type { Store } from './store.js';

export interface Topology {
  /** A restart of a server forgets nothing. */
  readonly durable?: boolean;
  /** So many servers that vote: what one that starts anew has forgotten, the others know. */
  readonly quorum?: number;
  /** Somebody else takes over when a primary is away, and may not know its last writes. */
  readonly promotes?: boolean;
  /** How many replicas have to have each lock: then whoever takes over knows it. */
  readonly replicas?: number;
  /** The clocks of its servers may be set. */
  readonly clocks?: boolean;
  start(): Promise<Store>;
}

export const TOPOLOGIES: Readonly<Record<string, Topology>> = {
  single: { clocks: true, start: () => startSingle(false) },
  persistent: { durable: true, clocks: true, start: () => startSingle(true) },
  'handed-in': { start: startHandedIn },
  'one-shard': { start: startOneShard },
  endpoint: { start: startEndpoint },
  sentinel: { promotes: true, start: startSentinel },
  replicas: { promotes: true, replicas: 2, start: startSentinel },
  cluster: { promotes: true, start: startCluster },
  quorum3: { quorum: 3, clocks: true, start: () => startQuorum(3) },
  quorum5: { quorum: 5, clocks: true, start: () => startQuorum(5) },
};

/** Whether a server that is replaced by another one takes locks with it. */
export function losesByFailOver({ promotes, replicas }: Topology): boolean {
  return promotes === true && replicas === undefined;
}
