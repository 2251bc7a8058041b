import type { Worker } from '../fleet.js';
import type { Excuse, Spared } from '../history/event.js';
import type { FaultProxy } from '../proxy/fault-proxy.js';
import type { Random } from '../random.js';
import type { ServerClocks } from '../stores/server-clocks.js';
import type { Store } from '../stores/store.js';
import type { Topology } from '../stores/topologies.js';

/** Where the faults happen. */
export interface Field {
  readonly topology: Topology;
  readonly store: Store;
  readonly namespace: string;
  readonly clocks: ServerClocks | undefined;
  /** A running worker that no other fault has at the moment. */
  victim(random: Random): Worker;
  proxiesOf(worker: Worker): readonly FaultProxy[];
  allProxies(): readonly FaultProxy[];
  /** Those that run. */
  workers(): readonly Worker[];
  /** Starts another process in the place of a dead one. */
  replace(worker: Worker): Promise<void>;
}

/** One fault, drawn but not begun. */
export interface Strike {
  /** Whom it touches; undefined: the store, and so all. */
  readonly victim?: Worker;
  readonly excuse?: Excuse | undefined;
  /** The lock that it touches; undefined: all. */
  readonly name?: string;
  /** The port of the one server that it touches. */
  readonly server?: number;
  readonly note?: string;
  /** What it must leave unharmed nevertheless. Default: nothing. */
  readonly spares?: readonly Spared[] | undefined;
  /** Begins, lasts, and ends. */
  act(): Promise<void>;
  /** It goes on so long after `act()`, while nothing else touches its victim; then `end()`. */
  readonly lingers?: { readonly ms: number; end(): void };
}

export interface Nemesis {
  readonly name: string;
  readonly on: 'workers' | 'network' | 'servers';
  /** Its strikes linger. They keep the servers from being struck, and so are drawn less often. */
  readonly lingers?: boolean;
  /** No other fault meanwhile. */
  readonly alone?: boolean;
  /** Tokens cannot grow when data is lost and the clock is set back: never both in one round. */
  harms?(topology: Topology): 'data' | 'clock' | undefined;
  /** Why it cannot be used here; undefined: it can. */
  unavailable?(field: Pick<Field, 'topology' | 'store' | 'clocks'>): string | undefined;
  draw(field: Field, random: Random): Strike | Promise<Strike>;
}
