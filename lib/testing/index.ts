/*
 * `nestjs-lock/testing`: what every driver of the port `LockStore` must do, as tests. Works with any runner that has
 * `describe`, `it` and `expect`; a few tests wait for short leases to end, and none takes longer than a slow machine
 * needs for some hundred calls.
 *
 *     runLockStoreSuite({ describe, it, expect, createStore: () => new MyLockStore(url) });
 */
import { crowdChapter } from './crowd.chapter.js';
import { exclusiveChapter } from './exclusive.chapter.js';
import { type Chapter, chapterOf, type LockStoreSuiteOptions } from './harness.js';
import { leavingChapter } from './leaving.chapter.js';
import { operatorChapter } from './operator.chapter.js';
import { queueChapter } from './queue.chapter.js';
import { retainChapter } from './retain.chapter.js';
import { sharedChapter } from './shared.chapter.js';

export type { Busy, Claim, Granted, LockStore, Owned, Owner, PushedGrant, StoreListener } from '../core/lock-store.js';
export type { LockStoreSuiteOptions, SuiteExpectation } from './harness.js';

const CHAPTERS: Record<string, (chapter: Chapter) => void> = {
  'an exclusive lock': exclusiveChapter,
  'a shared lock': sharedChapter,
  'a lock that is kept after its release': retainChapter,
  'the queue': queueChapter,
  'leaving the queue': leavingChapter,
  'a full queue': crowdChapter,
  'inspection, force and names': operatorChapter,
};

/** Declares the tests of the contract of `LockStore`. */
export function runLockStoreSuite(options: LockStoreSuiteOptions): void {
  const chapter = chapterOf(options);
  options.describe('LockStore', () => {
    for (const [title, declare] of Object.entries(CHAPTERS)) options.describe(title, () => declare(chapter));
  });
}
