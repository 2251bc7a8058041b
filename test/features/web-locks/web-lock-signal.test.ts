// The cases of `signal` of the web platform tests, in our own words.
import { describe, expect, it, vi } from 'vitest';
import { LockLostError } from '../../../lib/index.js';
import type { LockManager } from '../../../lib/web-locks.js';
import { FaultyStore } from '../../support/faulty-store.js';
import { useRedis } from '../../support/redis.js';
import { bothStores, quiet } from '../../support/stores.js';
import { anyRequest, expectException, modesOf, openClients, openLocks, Take } from '../../support/web-clients.js';

const redis = useRedis();

describe.each(bothStores(redis))('The signal of a request on $name', (store) => {
  const open = (): Promise<LockManager> => openLocks(store.shared());

  it('is an AbortSignal', async () => {
    const request = anyRequest(await open());
    const callback = vi.fn();
    for (const signal of ['string', 12.34, false, null, {}, Symbol('signal'), () => {}, globalThis]) {
      await expect(request('a', { signal }, callback)).rejects.toThrow(TypeError);
    }
    expect(callback).not.toHaveBeenCalled();
  });

  it('that was aborted before rejects with its reason', async () => {
    const locks = await open();
    const callback = vi.fn();
    const request = (signal: AbortSignal): Promise<unknown> => locks.request('a', { signal }, callback);
    const signal = AbortSignal.abort();
    expect(await expectException(request(signal), 'AbortError')).toBe(signal.reason);
    await expect(request(AbortSignal.abort('My dog ate it.'))).rejects.toBe('My dog ate it.');
    // Before anything else is looked at.
    const tooLong = locks.request('a'.repeat(1_000), { signal: AbortSignal.abort('too late') }, callback);
    await expect(tooLong).rejects.toBe('too late');
    expect(callback).not.toHaveBeenCalled();
    expect(await locks.query()).toEqual({ held: [], pending: [] });
  });

  it.each([
    ['its own', undefined],
    ['that of the caller', 'My cat handled it'],
  ])('that aborts the wait rejects with its reason: %s', async (_, reason) => {
    const locks = await open();
    const held = new Take(locks, 'a');
    const controller = new AbortController();
    const waiting = new Take(locks, 'a', { signal: controller.signal });
    const before = await locks.query();
    expect([modesOf(before.held, 'a'), modesOf(before.pending, 'a')]).toEqual([['exclusive'], ['exclusive']]);
    controller.abort(reason);
    if (reason === undefined) await expectException(waiting.result, 'AbortError');
    await expect(waiting.result).rejects.toBe(controller.signal.reason);
    await held.end();
    // Whoever comes next finds it free.
    await locks.request('a', () => {});
    expect(waiting.called).toBe(false);
    expect(await locks.query()).toEqual({ held: [], pending: [] });
  });

  it('may be that of another lock: its loss ends the wait', async () => {
    const [client] = await openClients(store.shared(), 1);
    const { locks, service } = client!;
    const held = new Take(locks, 'a');
    const outer = await service.acquire('outer');
    const waiting = new Take(locks, 'a', { signal: outer.signal });
    expect((await locks.query()).pending).toHaveLength(1);
    await service.forceRelease('outer');
    await expect(waiting.result).rejects.toBeInstanceOf(LockLostError);
    await expect(waiting.result).rejects.toBe(outer.signal.reason);
    expect(await held.end('untouched')).toBe('untouched');
  });

  it('that aborts the wait lets the next one pass', async () => {
    const locks = await open();
    const held = new Take(locks, 'a', { mode: 'shared' });
    const controller = new AbortController();
    const waiting = new Take(locks, 'a', { signal: controller.signal });
    const next = locks.request('a', { mode: 'shared' }, () => 'granted');
    expect((await locks.query()).pending).toHaveLength(2);
    controller.abort();
    await expectException(waiting.result, 'AbortError');
    expect(await next).toBe('granted');
    expect([held.called, waiting.called]).toEqual([true, false]);
  });

  it('that is not aborted changes nothing', async () => {
    const { signal } = new AbortController();
    expect(await (await open()).request('a', { signal }, (lock) => lock?.name)).toBe('a');
  });

  it('that is aborted at once is heard, though the lock is free, and blocks nobody', async () => {
    const locks = await open();
    const controller = new AbortController();
    const first = new Take(locks, 'a', { signal: controller.signal });
    const next = locks.request('a', () => 'granted');
    controller.abort('at once');
    await expect(first.result).rejects.toBe('at once');
    expect(await next).toBe('granted');
    expect(first.called).toBe(false);
  });

  it('that is aborted while the lock is held, or later, changes nothing', async () => {
    const locks = await open();
    for (const abortFirst of [true, false]) {
      const controller = new AbortController();
      const take = new Take(locks, 'a', { signal: controller.signal });
      await take.granted;
      if (abortFirst) controller.abort();
      const ended = take.end('resolved ok');
      controller.abort();
      expect(await ended).toBe('resolved ok');
    }
  });

  it('that the callback itself aborts changes nothing', async () => {
    const controller = new AbortController();
    const returned = (await open()).request('a', { signal: controller.signal }, async () => {
      controller.abort();
      return 'resolved ok';
    });
    expect(await returned).toBe('resolved ok');
  });
});

describe('The signal of a request', () => {
  it('is heard until the very moment in which the callback is called', async () => {
    const faulty = new FaultyStore();
    const locks = await openLocks({ store: faulty.store, logger: quiet });
    const outcomes = new Set<unknown>();
    for (let ticks = 0; ticks < 30; ticks += 1) {
      const controller = new AbortController();
      faulty.faults.acquire = async (call) => {
        const answer = await call();
        void afterTicks(ticks).then(() => controller.abort('aborted'));
        return answer;
      };
      const seen: boolean[] = [];
      const outcome = await locks
        .request('a', { signal: controller.signal }, () => {
          seen.push(controller.signal.aborted);
          return 'granted';
        })
        .catch((error: unknown) => error);
      expect(seen).toEqual(outcome === 'granted' ? [false] : []);
      outcomes.add(outcome);
    }
    expect([...outcomes]).toEqual(['aborted', 'granted']);
  });
});

/** Resolves after so many turns of the microtask queue. */
async function afterTicks(ticks: number): Promise<void> {
  for (let i = 0; i < ticks; i += 1) await undefined;
}
