import { randomUUID } from 'node:crypto';
import type { LockStore, LockStoreExtras } from '../core/lock-store.js';
import { Peer } from './peer.js';

/** The matchers that the suite calls; those of vitest, jest and the package `expect` have them. */
export interface SuiteExpectation {
  toBe(expected: unknown): unknown;
  toEqual(expected: unknown): unknown;
  toBeGreaterThan(expected: number): unknown;
}

/** The test runner, handed in, and the store under test. */
export interface LockStoreSuiteOptions {
  describe: (title: string, body: () => void) => unknown;
  it: (title: string, body: () => Promise<void>) => unknown;
  expect: (actual: unknown) => SuiteExpectation;
  /**
   * A view of one back-end that all the views share, as one process has it. Called twice for each test; after the test
   * the view's own `close()` is called, where it has one.
   */
  createStore: () => LockStore | Promise<LockStore>;
  /** What of `LockStoreExtras` the store has; it is tested too. Default: nothing. */
  extras?: readonly (keyof LockStoreExtras)[];
}

/** What may be left of a lease of a minute: a store may add a little for what the clocks of its servers differ. */
export const LEASE_AT_MOST_MS = 61_000;

/** What a test works with. */
export interface Scene {
  /** Two processes at the same back-end. */
  readonly here: Peer;
  readonly there: Peer;
  /** The name of a lock that nobody has used. */
  readonly name: string;
}

export interface Chapter {
  /** A sentence of the contract, and its proof. */
  promise(sentence: string, proof: (scene: Scene) => Promise<void>): void;
  readonly expect: LockStoreSuiteOptions['expect'];
}

export function chapterOf({ it, expect, createStore }: LockStoreSuiteOptions): Chapter {
  const promise: Chapter['promise'] = (sentence, proof) => {
    it(sentence, async () => {
      const peers: Peer[] = [];
      try {
        const here = await Peer.join(await createStore(), peers);
        const there = await Peer.join(await createStore(), peers);
        await proof({ here, there, name: randomUUID() });
      } finally {
        for (const peer of peers) await peer.leave();
      }
    });
  };
  return { promise, expect };
}
