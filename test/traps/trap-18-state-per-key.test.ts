import { once } from 'node:events';
import { getHeapSnapshot, queryObjects } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Acquisition } from '../../lib/core/acquisition.js';
import { Claim } from '../../lib/core/claim.js';
import { JointLock } from '../../lib/core/lock.js';
import { createLockService, type LockService } from '../../lib/index.js';
import { MemoryLock } from '../../lib/stores/memory/memory-lock.js';
import { unique, useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

const KEYS_PER_USE = 250;
/** What was last may stay: a client keeps its latest command, a signal its latest listener. */
const FEW = 20;
/** The memory store remembers the last token of so many names, as its documentation says. */
const REMEMBERED = 1_000;

const PER_KEY = { Acquisition, Claim, JointLock, MemoryLock };

const eternal = new AbortController().signal;

type Use = (holder: LockService, other: LockService, name: string) => Promise<unknown>;

const uses: Record<string, Use> = {
  'a lock that was taken and released': (holder, _other, name) => holder.run(name, async () => {}),
  'a shared lock': (holder, _other, name) => holder.run(name, { mode: 'shared' }, async () => {}),
  'a lock that was handed from caller to caller': async (holder, _other, name) => {
    await Promise.all([1, 2, 3].map(() => holder.run(name, async () => {})));
  },
  'a lock that was busy': async (holder, other, name) => {
    const lock = await holder.acquire(name);
    await other.tryAcquire(name);
    await other.acquire(name, { wait: 1 }).catch(() => {});
    await lock.release();
  },
  'a wait that was aborted': async (holder, other, name) => {
    const giveUp = new AbortController();
    const lock = await holder.acquire(name);
    const wish = other.acquire(name, { signal: giveUp.signal });
    giveUp.abort();
    await wish.catch(() => {});
    await lock.release();
  },
  'a lock that another process waited for': async (holder, other, name) => {
    const lock = await holder.acquire(name);
    const next = other.run(name, async () => {});
    await lock.release();
    await next;
  },
  'a lock whose lease ended': async (holder, _other, name) => {
    const { signal } = await holder.acquire(name, { ttl: 500, renew: false });
    await once(signal, 'abort');
  },
  'a lock that was freed by force': async (holder, other, name) => {
    const { signal } = await holder.acquire(name);
    await other.forceRelease(name);
    if (!signal.aborted) await once(signal, 'abort');
  },
  'a signal that lives on': (holder, _other, name) => holder.run(name, { signal: eternal }, async () => {}),
  'a bad request': (holder, _other, name) => holder.acquire(name, { ttl: 0 }).catch(() => {}),
};

describe('trap 18: state per key stays in the process', () => {
  const redis = useRedis();

  beforeAll(() => {
    // `queryObjects` warns that it is experimental.
    vi.spyOn(process, 'emitWarning').mockReturnValue();
  });
  afterAll(() => vi.restoreAllMocks());

  it.each(bothStores(redis))(
    'nothing is left in $name, whatever was done with the keys',
    async (store) => {
      // Nothing is renewed, and no lease ends by itself, before the test is over.
      const shared = { ...store.shared(), defaults: { ttl: '1h' } } as const;
      await using holder = await createLockService(shared);
      await using other = await createLockService(shared);
      const prefix = unique('heap');

      for (const [label, use] of Object.entries(uses)) await useManyKeys(`${prefix}:${label}`, use, holder, other);
      // The names that the memory store remembers are other ones now.
      if (store.name === 'memory')
        await useManyKeys('later', (lock, _, name) => lock.run(name, async () => {}), holder, other, REMEMBERED);

      await expect.poll(objectsInHeap, { interval: 500, timeout: 20_000 }).toEqual([]);
      const names = await namesInHeap(prefix);
      expect(Object.keys(uses).filter((label) => Number(names.get(label)) > FEW)).toEqual([]);
    },
    120_000,
  );
});

/** A function of its own: what it keeps in hand goes with it. */
async function useManyKeys(
  prefix: string,
  use: Use,
  holder: LockService,
  other: LockService,
  keys = KEYS_PER_USE,
): Promise<void> {
  const names = Array.from({ length: keys }, (_, index) => `${prefix}:${index}`);
  await Promise.all(names.map((name) => use(holder, other, name)));
}

/** Collects the garbage, and tells of which classes there are many objects. */
function objectsInHeap(): string[] {
  return Object.entries(PER_KEY).flatMap(([name, type]) => {
    const count = queryObjects(type, { format: 'count' });
    return count < FEW ? [] : [`${count} x ${name}`];
  });
}

/** How many different names `<prefix>:<label>:<number>` are in memory, for each label. */
async function namesInHeap(prefix: string): Promise<Map<string, number>> {
  const name = new RegExp(`${prefix}:([^:"]+):\\d+`, 'g');
  const found = new Set<string>();
  let rest = '';
  for await (const chunk of getHeapSnapshot()) {
    const text = rest + chunk;
    for (const match of text.matchAll(name)) found.add(match[0]);
    rest = text.slice(-200);
  }
  const counts = new Map<string, number>();
  for (const each of found) {
    const label = each.split(':')[1]!;
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return counts;
}
