import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { HeldLock } from '../../lib/core/lock.js';
import { currentLock, MemoryLockStore } from '../../lib/index.js';
import { CoreLocks } from '../support/core-locks.js';
import { deferred } from '../support/event.js';
import { useFakeTime } from '../support/fake-time.js';

describe('currentLock', () => {
  useFakeTime();
  let locks: CoreLocks;
  beforeEach(() => {
    locks = new CoreLocks(new MemoryLockStore(), { defaults: { reentrant: true } });
  });

  it('is undefined outside of any lock', async () => {
    expect(currentLock()).toBeUndefined();
    await locks.run('a', {}, () => {});
    expect(currentLock()).toBeUndefined();
  });

  it('is the lock of the body, also after awaits, in callbacks, timers and promises', async () => {
    await locks.run('a', {}, async (lock) => {
      expect(currentLock()).toBe(lock);
      await Promise.resolve();
      expect(currentLock()).toBe(lock);
      expect(await new Promise((resolve) => queueMicrotask(() => resolve(currentLock())))).toBe(lock);
      await Promise.all([1, 2].map(async () => expect(currentLock()).toBe(lock)));
    });
  });

  it('is the innermost; with a name, the innermost of that name', async () => {
    await locks.run('a', {}, (a) =>
      locks.run(['b', 'c'], {}, (b) =>
        locks.run('a', {}, (inner) => {
          expect(currentLock()).toBe(inner);
          expect(currentLock('a')).toBe(inner);
          expect(currentLock('a')).not.toBe(a);
          expect(currentLock('b')).toBe(b);
          expect(currentLock('c')).toBe(b);
          expect(currentLock('d')).toBeUndefined();
        }),
      ),
    );
  });

  it('is the outer one again when the inner body is done, also when that failed', async () => {
    await locks.run('a', {}, async (a) => {
      await locks.run('b', {}, () => {});
      expect(currentLock()).toBe(a);
      await locks.run('b', {}, () => Promise.reject(new Error('fails'))).catch(() => {});
      expect(currentLock()).toBe(a);
      expect(currentLock('b')).toBeUndefined();
    });
  });

  it('is each chain’s own', async () => {
    await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        locks.run(name, {}, async () => {
          await Promise.resolve();
          expect(currentLock()!.name).toBe(name);
        }),
      ),
    );
  });

  it('is not that of acquire(), which has no body', async () => {
    const lock = await locks.acquire('a');
    expect(currentLock()).toBeUndefined();
    await lock.release();
  });

  it('is that of where an emitter was told, not of where it was listened to', async () => {
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    emitter.on('event', () => seen.push(currentLock()));
    const lock = await locks.run('a', {}, (held) => {
      emitter.emit('event');
      return held;
    });
    emitter.emit('event');
    expect(seen).toEqual([lock, undefined]);
  });

  it('of a task that outlives the lock is that lock, no longer held', async () => {
    const later = deferred();
    let task: Promise<unknown> | undefined;
    const lock = await locks.run('a', {}, (held) => {
      task = later.promise.then(() => currentLock());
      return held;
    });
    later.resolve();
    await expect(task).resolves.toBe(lock);
    expect(lock.held).toBe(false);
  });

  it('costs the same, and keeps no lock alive, however long tasks go on that each outlive their lock', async () => {
    const looks = vi.spyOn(HeldLock.prototype, 'openPart');
    const counts: number[] = [];
    const step = async (left: number): Promise<void> => {
      const released = deferred();
      let next: Promise<void> | undefined;
      looks.mockClear();
      await locks.run('tick', {}, () => {
        counts.push(looks.mock.calls.length);
        // As a body does that sets the timer of its successor.
        next = released.promise.then(() => (left > 0 ? step(left - 1) : undefined));
      });
      released.resolve();
      await next;
    };
    await step(50);
    looks.mockRestore();
    expect(counts).toHaveLength(51);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4);
  });
});
