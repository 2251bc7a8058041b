import { queryObjects } from 'node:v8';
import { describe, expect, it, vi } from 'vitest';
import { Acquisition } from '../../lib/core/acquisition.js';
import { Claim } from '../../lib/core/claim.js';
import { JointLock } from '../../lib/core/lock.js';
import type { LockOptions } from '../../lib/index.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, type ScriptedCall, ScriptedStore } from '../support/scripted-store.js';

const KINDS = [Claim, Acquisition, JointLock];
const NAMES = 100;

/** How many objects of the core are alive, by their class, after a garbage collection. */
function alive(): [string, number][] {
  return KINDS.map((kind) => [kind.name, Number(queryObjects(kind, { format: 'count' }))]);
}

type Answer = (call: ScriptedCall<'acquire'>, store: ScriptedStore) => Promise<void>;

const answers: [string, LockOptions, Answer][] = [
  ['granted and released', {}, async (call) => call.answer(granted())],
  ['granted with a block of tokens and released', {}, async (call) => call.answer(granted({ block: 4 }))],
  ['granted as shared and released', { mode: 'shared', permits: 2 }, async (call) => call.answer(granted())],
  [
    'granted and completed',
    {},
    async (call, store) => {
      store.automatic.complete = () => true;
      call.answer(granted({ block: 4 }));
    },
  ],
  [
    'granted and forced',
    {},
    async (call, store) => {
      call.answer(granted());
      await settle();
      store.revoke(call.asked.owner);
    },
  ],
  [
    'granted and lost in time',
    { renew: false, ttl: '1s' },
    async (call) => {
      call.answer(granted());
      await pass(1_000);
    },
  ],
  ['failed', {}, async (call) => call.fail()],
  ['tried in vain', { wait: 0 }, async (call) => call.answer(busy())],
  [
    'waited for in vain',
    { wait: '1s' },
    async (call) => {
      call.answer(busy());
      await pass(1_000);
    },
  ],
  ['aborted', { wait: '1s' }, async (call) => call.answer(busy())],
];

describe('Names that are made up as they come', () => {
  useFakeTime();

  it('leave nothing behind in the process, whatever became of the locks', async () => {
    const store = new ScriptedStore().letGo();
    const locks = new CoreLocks(store);
    for (const [title, options, answer] of answers) {
      for (let i = 0; i < NAMES; i += 1) {
        const controller = new AbortController();
        const wanted = watch(locks.acquire(`${title}:${i}`, { ...options, signal: controller.signal }));
        await settle();
        await answer(store.next('acquire'), store);
        await settle();
        if (title === 'aborted') controller.abort();
        await settle();
        expect(wanted.settled).toBe(true);
        if (title === 'granted and completed') await wanted.value?.complete(1_000);
        await wanted.value?.release();
        store.forget();
      }
      expect(vi.getTimerCount()).toBe(0);
    }
    expect(alive().filter(([, count]) => count > NAMES / 2)).toEqual([]);
    // The service is alive until here.
    await locks.close();
  });
});
