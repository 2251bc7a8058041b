import type { Moment } from '../history/event.js';
import type { GuardedWrite } from '../register.js';
import type { Source } from '../stores/store.js';

/** What a worker is started with, as its argument. */
export interface WorkerOptions {
  readonly worker: string;
  readonly seed: string;
  /** Where its history goes. */
  readonly directory: string;
  readonly namespace: string;
  readonly source: Source;
  /** How many replicas have to have each lock. */
  readonly replicas: number;
  /** Whether it uses `holdAtLeast`: what is kept in the store outlives a server clock that is set back. */
  readonly retains: boolean;
  /** When the round began: elements come up from then on. */
  readonly epoch: Moment;
}

/** From the harness to a worker. */
export type Order =
  | { readonly do: 'stall'; readonly ms: number }
  /** Sets `Date` so many ms off. */
  | { readonly do: 'clock'; readonly offset: number }
  /** No new work; each name is asked for once more, and has to be served within so many ms. */
  | { readonly do: 'drain'; readonly within: number }
  /** The clients that it has made have another password from now on. */
  | { readonly do: 'refresh'; readonly password: string }
  | { readonly do: 'close' }
  | { readonly do: 'written'; readonly id: number; readonly accepted: boolean };

/** From a worker to the harness. */
export type Message =
  | { readonly say: 'ready' }
  | { readonly say: 'drained' }
  | { readonly say: 'refreshed' }
  | { readonly say: 'write'; readonly id: number; readonly write: GuardedWrite };

/** No lock has a longer lease. */
export const LONGEST_TTL_MS = 2_500;

/** The names that the workers compete for. `hot` is never free: whoever is passed over for it finds no gap. */
export const NAMES = {
  exclusive: ['first', 'second'],
  readers: 'readers',
  pool: 'pool',
  fifo: 'fifo',
  hot: 'hot',
} as const;
export const ALL_NAMES: readonly string[] = [...NAMES.exclusive, NAMES.readers, NAMES.pool, NAMES.fifo, NAMES.hot];

/** What is to be done once. */
export function elementName(index: number): string {
  return `once:${index}`;
}

export const UNBOUNDED_PERMITS = 1_000_000;
