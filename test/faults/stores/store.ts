import type { RedisServer } from '../../support/redis-server.js';

/** How a worker reaches the store: ports of its own proxies. `nat` maps the ports of the servers to them. */
export type Source =
  | { readonly kind: 'single'; readonly port: number }
  /** By a client that the worker makes itself, and whose password changes. */
  | { readonly kind: 'handed-in'; readonly port: number; readonly user: string; readonly password: string }
  | { readonly kind: 'sentinel'; readonly name: string; readonly sentinels: readonly number[]; readonly nat: Nat }
  | { readonly kind: 'cluster'; readonly nodes: readonly number[]; readonly nat: Nat }
  | { readonly kind: 'quorum'; readonly ports: readonly number[] };

export type Nat = Readonly<Record<string, { host: string; port: number }>>;

/** An address, by its port, and the port of the server that it leads to now; by default the same. */
export interface Address {
  readonly port: number;
  readonly leadsTo?: number;
}

/** What the locks are kept in: some real servers. */
export interface Store {
  /** Those that have keys, whoever leads. */
  readonly servers: readonly RedisServer[];
  /** All that a worker connects to. */
  readonly reached: readonly Address[];
  source(proxyPort: (port: number) => number): Source;
  /** Those that take writes at the moment. */
  primaries(): Promise<readonly RedisServer[]>;
  /** Resolves when the servers work together again, after any of them has been away. */
  whole(): Promise<void>;
  /** Ends a primary, and resolves when another has taken over. Undefined: there is none that could. */
  failOver?: (() => Promise<void>) | undefined;
  /**
   * Another server takes the lead, and the address goes to it (`redirect`); what is connected stays with the former one,
   * which is a replica then. `planned`: no write is lost. Undefined: there is none, or no such address.
   */
  handOver?: (planned: boolean, redirect: (port: number) => void) => Promise<void>;
  /** The user of the workers gets another password, which is returned. Undefined: they need none. */
  changePassword?: () => Promise<string>;
  /** Ends all connections of that user. */
  disconnectUser?: () => Promise<void>;
  /** Moves the slot of a key to another primary. Undefined: there are no slots. */
  moveSlot?: (key: string) => Promise<void>;
  stop(): Promise<void>;
}

export function natOf(servers: readonly RedisServer[], proxyPort: (port: number) => number): Nat {
  const entries = servers.map(({ port }) => [`127.0.0.1:${port}`, { host: '127.0.0.1', port: proxyPort(port) }]);
  return Object.fromEntries(entries);
}
