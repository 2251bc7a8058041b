import type { LockStore, Owner, PushedGrant } from 'nestjs-lock';

/**
 * How an invoice is kept from being issued twice by a server that is killed between the issue and its mark: not at all; by
 * the fencing token and a record in one database transaction; by an idempotency key that the service is sent.
 */
export const WAYS = ['plain', 'fenced', 'keyed'] as const;
export type Way = (typeof WAYS)[number];

export interface Invoice {
  readonly id: number;
  readonly way: Way;
}

/** What a transaction of the database came to. */
export type Recorded = 'recorded' | 'was recorded before' | 'refused: an older fencing token';

/** What outlives the job servers, as they see it. */
export interface World {
  /** The list that all servers are handed. */
  list(): Promise<readonly Invoice[]>;
  /** This server renders a statement now, and does not any more. */
  enter(): void;
  leave(): void;
  /** The government's service: not idempotent, unless it is sent a key. Resolves to the number of the issue. */
  issue(invoice: Invoice, key?: string): Promise<number>;
  /** The company's database: issues and records in one transaction, unless the token is older than one it has seen. */
  record(invoice: Invoice, fencingToken: number): Promise<Recorded>;
  /** The invoice is issued and marked. */
  processed(invoice: Invoice): void;
  /** All invoices are. */
  finished(): void;
}

/** The lock store of the conductor; `listen` and `unlisten` stand for `subscribe`. */
export interface StoreCalls extends Required<Omit<LockStore, 'subscribe' | 'status' | 'close'>> {
  listen(instance: string): void;
  unlisten(instance: string): void;
}

export type Calls = World & StoreCalls;

export interface Request<K extends keyof Calls = keyof Calls> {
  readonly call: number;
  readonly method: K;
  readonly args: Parameters<Calls[K]>;
}

export type Reply =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly error: string };

/** What the lock store tells an instance without being asked. */
export interface Push {
  readonly to: string;
  readonly event: 'granted' | 'revoked' | 'nudged' | 'releaseRequested' | 'reconnected';
  readonly args: [owner?: Owner, what?: PushedGrant | number];
}
