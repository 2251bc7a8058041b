import { describe, expect, it, vi } from 'vitest';
import { runtime } from '../../lib/core/runtime.js';
import { after as later } from '../../lib/core/timer.js';
import { pass, useFakeTime } from '../support/fake-time.js';

const LONGEST = 2 ** 31 - 1;

describe('A timer', () => {
  useFakeTime();

  it('fires once, at its time', async () => {
    const fn = vi.fn();
    later(50, fn);
    await pass(49);
    expect(fn).not.toHaveBeenCalled();
    await pass(1);
    expect(fn).toHaveBeenCalledTimes(1);
    await pass(1_000);
    expect(fn).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([LONGEST, LONGEST + 1, 3 * LONGEST + 5])(
    'lasts %d ms, though setTimeout takes no more than 2^31 - 1',
    async (ms) => {
      const fn = vi.fn();
      later(ms, fn);
      await pass(ms - 1);
      expect(fn).not.toHaveBeenCalled();
      await pass(1);
      expect(fn).toHaveBeenCalledTimes(1);
    },
  );

  it('never fires once it is cancelled', async () => {
    const fn = vi.fn();
    const cancel = later(50, fn);
    cancel();
    expect(vi.getTimerCount()).toBe(0);
    await pass(1_000);
    expect(fn).not.toHaveBeenCalled();
  });

  it('is cancelled also in its second stretch, and after it has fired', async () => {
    const fn = vi.fn();
    const cancel = later(2 * LONGEST, fn);
    await pass(LONGEST + 10);
    cancel();
    expect(vi.getTimerCount()).toBe(0);
    const done = later(1, fn);
    await pass(1);
    done();
    expect(fn).toHaveBeenCalledTimes(1);
  });
});

describe('A timer in real time', () => {
  it.each([{ awaited: false }, { awaited: true }])(
    'keeps the process alive only for what somebody awaits: %j',
    (options) => {
      const armed = vi.spyOn(runtime, 'setTimeout');
      const cancel = later(60_000, () => {}, options);
      const timer = armed.mock.results[0]?.value as NodeJS.Timeout;
      expect(timer.hasRef()).toBe(options.awaited);
      cancel();
      armed.mockRestore();
    },
  );

  it('does not, unless told', () => {
    const armed = vi.spyOn(runtime, 'setTimeout');
    const cancel = later(60_000, () => {});
    const timer = armed.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    cancel();
    armed.mockRestore();
  });
});
