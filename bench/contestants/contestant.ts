import { Redis } from 'ioredis';

/** The lease of every contestant, in ms. */
export const TTL = 30_000;

/** How often those that poll ask again, in ms: the default of redis-semaphore; the others default to 100 ms and more. */
export const POLL = 10;

/** A lock library on a connection of its own. The waiters never give up. */
export interface Locks<Held = unknown> {
  acquire(name: string): Promise<Held>;
  release(held: Held): Promise<unknown>;
  close(): Promise<void>;
}

/** The work that a library takes part in with: the same for all of them. */
export interface Contestant {
  readonly name: string;
  /** What is not its default. */
  readonly settings: string;
  open(url: string): Promise<Locks>;
}

/** An ioredis client with default settings, connected. */
export async function connect(url: string): Promise<Redis> {
  const client = new Redis(url);
  await client.ping();
  return client;
}
