import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { LockSignal } from '../../lib/core/signals.js';

const user = new AsyncLocalStorage<string>();
const reason = new Error('lost');

describe('The signal of a lock', () => {
  it('is an AbortSignal, for everything that takes one', async () => {
    const source = new LockSignal();
    const { signal } = source;
    expect(signal).toBeInstanceOf(AbortSignal);
    const slept = sleep(60_000, undefined, { signal });
    const heard = once(signal, 'abort');
    const fetched = fetch('http://127.0.0.1:9', { signal });
    source.abort(reason);
    await expect(slept).rejects.toMatchObject({ name: 'AbortError', cause: reason });
    await expect(fetched).rejects.toBe(reason);
    const [event] = await heard;
    expect(event).toMatchObject({ type: 'abort', target: signal });
    expect(signal).toMatchObject({ aborted: true, reason });
    expect(() => signal.throwIfAborted()).toThrow(reason);
  });

  it('looks like any other', () => {
    expect(Object.keys(new LockSignal().signal)).toEqual(Object.keys(new AbortController().signal));
  });

  it('calls a listener as an event target does: with itself as `this`, or the method of an object', () => {
    const source = new LockSignal();
    const { signal } = source;
    const seen: unknown[] = [];
    signal.addEventListener('abort', function (this: unknown) {
      seen.push(this);
    });
    const listener = {
      handleEvent(this: unknown): void {
        seen.push(this);
      },
    };
    signal.addEventListener('abort', listener);
    signal.onabort = function (this: unknown) {
      seen.push(this);
    };
    source.abort(reason);
    expect(seen).toEqual([signal, listener, signal]);
  });

  it('calls a listener once that is registered twice, in the context of the first time, and none that was removed', () => {
    const source = new LockSignal();
    const { signal } = source;
    const twice = vi.fn(() => user.getStore());
    const removed = vi.fn();
    const again = vi.fn(() => user.getStore());
    const captured = vi.fn();
    user.run('ann', () => {
      for (const listener of [twice, removed, again]) signal.addEventListener('abort', listener);
      signal.addEventListener('abort', removed, { capture: true });
      signal.addEventListener('abort', captured, true);
    });
    user.run('bob', () => {
      signal.addEventListener('abort', twice, { once: true });
      signal.removeEventListener('abort', removed);
      signal.removeEventListener('abort', removed, { capture: true });
      signal.removeEventListener('abort', again);
      signal.addEventListener('abort', again);
      signal.removeEventListener('abort', captured);
      signal.removeEventListener('abort', () => {});
    });
    source.abort(reason);
    expect(twice.mock.results).toEqual([{ type: 'return', value: 'ann' }]);
    expect(again.mock.results).toEqual([{ type: 'return', value: 'bob' }]);
    expect(removed).not.toHaveBeenCalled();
    expect(captured).toHaveBeenCalledTimes(1);
  });

  it('has one `onabort`: the last', () => {
    const source = new LockSignal();
    const { signal } = source;
    expect(signal.onabort).toBeNull();
    const [first, second] = [vi.fn(), vi.fn()];
    signal.onabort = first;
    signal.onabort = second;
    expect(signal.onabort).toBe(second);
    source.abort(reason);
    expect(first).not.toHaveBeenCalled();
    expect(second).toHaveBeenCalledTimes(1);
    signal.onabort = null;
    expect(signal.onabort).toBeNull();
  });

  it('does not mind a listener that is null', () => {
    const { signal } = new LockSignal();
    signal.addEventListener('abort', null as unknown as () => void);
    signal.removeEventListener('abort', null as unknown as () => void);
  });
});
