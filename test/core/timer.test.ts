import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runtime } from '../../lib/core/runtime.js';
import { after as later, Watchdog, type Watched } from '../../lib/core/timer.js';
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

describe('A watchdog', () => {
  useFakeTime();

  interface Item extends Watched<Item> {
    readonly name: string;
  }

  const overdue: string[] = [];
  let dog: Watchdog<Item>;
  beforeEach(() => {
    overdue.length = 0;
    dog = new Watchdog<Item>(100, ({ name }) => void overdue.push(name));
  });

  function watched(name: string): Item {
    const item: Item = { name, overdueAt: 0, before: undefined, behind: undefined };
    dog.watch(item);
    return item;
  }

  it('calls each that takes too long, at its time, and nobody else', async () => {
    watched('slow');
    const quick = watched('quick');
    await pass(60);
    watched('later');
    dog.callOff(quick);
    await pass(39);
    expect(overdue).toEqual([]);
    await pass(1);
    expect(overdue).toEqual(['slow']);
    await pass(60);
    expect(overdue).toEqual(['slow', 'later']);
    await pass(1_000);
    expect(overdue).toHaveLength(2);
  });

  it('has one timer for all, and none when nothing is watched', async () => {
    const armed = vi.spyOn(runtime, 'setTimeout');
    const items = Array.from({ length: 20 }, (_, place) => watched(String(place)));
    const timer = armed.mock.results[0]?.value as NodeJS.Timeout | undefined;
    expect([armed.mock.calls.length, timer?.hasRef()]).toEqual([1, true]);
    armed.mockRestore();
    for (const item of items) dog.callOff(item);
    expect(vi.getTimerCount()).toBe(0);
    await pass(50);
    watched('next');
    await pass(99);
    expect(overdue).toEqual([]);
    await pass(1);
    expect(overdue).toEqual(['next']);
    await pass(100);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('calls at once whatever is watched when nobody waits any longer, and what comes then at its time', async () => {
    watched('first');
    dog.callOff(watched('done'));
    dog.hurry();
    expect([overdue, vi.getTimerCount()]).toEqual([['first'], 0]);
    watched('then');
    await pass(100);
    expect(overdue).toEqual(['first', 'then']);
  });

  it('watches also what is begun while it calls', async () => {
    dog = new Watchdog<Item>(100, (item) => {
      overdue.push(item.name);
      if (overdue.length < 3) dog.watch(item);
    });
    watched('again');
    await pass(300);
    expect(overdue).toEqual(['again', 'again', 'again']);
    await pass(1_000);
    expect([overdue.length, vi.getTimerCount()]).toEqual([3, 0]);
  });
});
