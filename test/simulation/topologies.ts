import type { Random } from '../faults/random.js';

/** What a run takes place on. */
export interface Topology {
  readonly name: 'single' | 'persistent' | 'replicated' | 'replicas' | 'quorum';
  readonly servers: number;
  /** A restart forgets nothing. */
  readonly durable: boolean;
  /** So many servers vote. */
  readonly quorum: number;
  /** How many replicas have to have each lock. */
  readonly replicas: number;
  /** Replicas of the one that takes writes, one of which may take over. */
  readonly promotes: boolean;
}

const NONE = { servers: 1, durable: false, quorum: 0, replicas: 0, promotes: false };

export const TOPOLOGIES: readonly Topology[] = [
  { ...NONE, name: 'single' },
  { ...NONE, name: 'persistent', durable: true },
  { ...NONE, name: 'replicated', servers: 3, promotes: true },
  { ...NONE, name: 'replicas', servers: 3, promotes: true, replicas: 2 },
  { ...NONE, name: 'quorum', servers: 3, quorum: 3 },
];

export function drawTopology(random: Random, wanted: readonly string[]): Topology {
  const possible = TOPOLOGIES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  return random.pick(possible);
}
