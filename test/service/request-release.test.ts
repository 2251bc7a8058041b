import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLockService, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

type Listener = ReturnType<typeof vi.fn<() => void>>;

describe.each(bothStores(useRedis()))('requestRelease() on $name', ({ shared }) => {
  let here: LockService;
  let there: LockService;
  beforeEach(async () => {
    const options = shared();
    [here, there] = [await createLockService(options), await createLockService(options)];
    onTestFinished(async () => void (await Promise.all([here.close(), there.close()])));
  });

  /** Asks until all have heard: a process hears nothing before its connection for messages is up. */
  async function askUntilHeard(name: string, ...listeners: Listener[]): Promise<void> {
    await until(async () => {
      expect(await there.requestRelease(name)).toBe(true);
      return listeners.every((listener) => listener.mock.calls.length > 0);
    });
  }

  it('tells the holder, who may release early', async () => {
    const lock = await here.acquire('door');
    const listener = vi.fn(() => void lock.release());
    lock.onReleaseRequested(listener);
    const next = there.acquire('door', { wait: '1m' });
    await askUntilHeard('door', listener);
    expect((await next).held).toBe(true);
    expect(lock.signal.aborted).toBe(false);
  });

  it('leaves the lock with a holder who ignores it', async () => {
    const lock = await here.acquire('door');
    const listener = vi.fn();
    lock.onReleaseRequested(listener);
    await askUntilHeard('door', listener);
    expect([lock.held, await lock.release()]).toEqual([true, true]);
  });

  it('is heard once by each listener, however often it is asked, and by those who listen later', async () => {
    const lock = await here.acquire('door');
    const [first, late, ended] = [vi.fn(), vi.fn(), vi.fn()];
    lock.onReleaseRequested(first);
    const end = lock.onReleaseRequested(ended);
    end();
    await askUntilHeard('door', first);
    lock.onReleaseRequested(late);
    await until(() => late.mock.calls.length > 0);
    await askUntilHeard('door', first, late);
    // Messages to one process keep their order: by now those from before would have come.
    const other = vi.fn();
    (await here.acquire('other')).onReleaseRequested(other);
    await askUntilHeard('other', other);
    expect([first, late, ended].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0]);
  });

  it('tells all shared holders, and once whoever holds several names', async () => {
    const [reader, both, last] = [vi.fn(), vi.fn(), vi.fn()];
    (await there.acquire('a', { mode: 'shared' })).onReleaseRequested(reader);
    (await here.acquire(['a', 'b'], { mode: 'shared' })).onReleaseRequested(both);
    await askUntilHeard('a', reader, both);
    await there.requestRelease('b');
    (await here.acquire('c')).onReleaseRequested(last);
    await askUntilHeard('c', last);
    expect([reader, both].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  });

  it('is not for whoever gets the lock next, nor for a handle that is used up', async () => {
    const lock = await here.acquire('door');
    const [heard, never, last] = [vi.fn(), vi.fn(), vi.fn()];
    lock.onReleaseRequested(heard);
    const next = here.acquire('door', { wait: '1m' });
    await askUntilHeard('door', heard);
    await lock.release();
    lock.onReleaseRequested(never);
    (await next).onReleaseRequested(never);
    (await here.acquire('other')).onReleaseRequested(last);
    await askUntilHeard('other', last);
    expect(never).not.toHaveBeenCalled();
  });

  it('is not for a call that has ended under a lock that others of its process still hold', async () => {
    const [ended, current] = [vi.fn(), vi.fn()];
    await here.run('door', async (lock) => {
      lock.onReleaseRequested(current);
      await here.run('door', { reentrant: true }, async (nested) => void nested.onReleaseRequested(ended));
      await askUntilHeard('door', current);
    });
    expect(ended).not.toHaveBeenCalled();
  });

  it('says that nobody holds it', async () => {
    expect(await there.requestRelease('door')).toBe(false);
  });
});
