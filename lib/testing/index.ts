/*
 * `nestjs-lock/testing`: what every driver of the port `LockStore` must do, as tests. Works with any runner that has
 * `describe`, `it` and `expect`; a few tests wait for short leases to end, and none takes longer than a slow machine
 * needs for some hundred calls.
 *
 *     runLockStoreSuite({ describe, it, expect, createStore: () => new MyLockStore(url) });
 */
import type { LockStoreExtras } from '../core/lock-store.js';
import { askChapter } from './ask.chapter.js';
import { crowdChapter } from './crowd.chapter.js';
import { exclusiveChapter } from './exclusive.chapter.js';
import { type Chapter, chapterOf, type LockStoreSuiteOptions } from './harness.js';
import { leavingChapter } from './leaving.chapter.js';
import { marksChapter } from './marks.chapter.js';
import { namesChapter } from './names.chapter.js';
import { notesChapter } from './notes.chapter.js';
import { operatorChapter } from './operator.chapter.js';
import { queueChapter } from './queue.chapter.js';
import { requestChapter } from './request.chapter.js';
import { retainChapter } from './retain.chapter.js';
import { sharedChapter } from './shared.chapter.js';
import { stealChapter } from './steal.chapter.js';

export type {
  Busy,
  Claim,
  Completion,
  Granted,
  LockStore,
  LockStoreExtras,
  Owned,
  Owner,
  PushedGrant,
  ReleaseAnswer,
  StoreListener,
} from '../core/lock-store.js';
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

const EXTRAS: readonly [title: string, needs: readonly (keyof LockStoreExtras)[], (chapter: Chapter) => void][] = [
  ['marks', ['complete', 'doneAt', 'unmark'], marksChapter],
  ['a request for release', ['requestRelease'], requestChapter],
  ['a steal', ['steal'], stealChapter],
  ['a list of names', ['names'], namesChapter],
  ['questions', ['ask'], askChapter],
  ['notes for operators', ['note', 'notes'], notesChapter],
];

/** Declares the tests of the contract of `LockStore`. */
export function runLockStoreSuite(options: LockStoreSuiteOptions): void {
  const chapter = chapterOf(options);
  options.describe('LockStore', () => {
    for (const [title, declare] of Object.entries(CHAPTERS)) options.describe(title, () => declare(chapter));
    for (const [title, needs, declare] of EXTRAS) {
      if (needs.some((extra) => options.extras?.includes(extra))) options.describe(title, () => declare(chapter));
    }
  });
}
