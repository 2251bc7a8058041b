import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RELEASE_PATIENCE_MS } from '../../lib/core/lock.js';
import { CoreLocks, watch } from '../support/core-locks.js';
import { type Deferred, deferred } from '../support/event.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { granted, ScriptedStore } from '../support/scripted-store.js';

describe('A body that runs while its service closes', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  let end: Deferred<unknown>;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store, { shutdownGrace: '10s' });
    end = deferred();
  });

  async function running() {
    const lost = vi.fn();
    const run = watch(
      locks.run('door', {}, (lock) => {
        lock.signal.addEventListener('abort', lost);
        return end.promise;
      }),
    );
    await settle();
    store.next('acquire').answer(granted());
    await settle();
    return { run, lost };
  }

  it('may end, with its lock renewed, and closes right then', async () => {
    store.automatic.renew = () => true;
    locks = new CoreLocks(store, { shutdownGrace: '1h', defaults: { ttl: '5s' } });
    const { run, lost } = await running();
    const closed = watch(locks.close());
    await pass(60_000);
    expect(closed.settled).toBe(false);
    expect(store.all('renew').length).toBeGreaterThan(5);
    end.resolve('done');
    await settle();
    expect(run.value).toBe('done');
    expect(closed.settled).toBe(true);
    expect(lost).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may take the locks again that it holds, and no others', async () => {
    const body = async () => {
      await end.promise;
      return Promise.allSettled([
        locks.run('door', { reentrant: true }, () => 'again'),
        locks.run('gate', {}, () => 'new'),
      ]);
    };
    const run = watch(locks.run('door', {}, body));
    await settle();
    store.next('acquire').answer(granted());
    const closed = watch(locks.close());
    end.resolve('go on');
    await settle();
    expect(run.value).toMatchObject([{ value: 'again' }, { reason: { code: 'LOCK_CLOSED' } }]);
    expect(closed.settled).toBe(true);
  });

  it('loses its lock after the grace, is told, and its caller and the log too', async () => {
    const warn = vi.fn();
    locks = new CoreLocks(store, { shutdownGrace: '10s', logger: { warn, error: vi.fn() } });
    const { run, lost } = await running();
    const closed = watch(locks.close());
    await pass(9_999);
    expect(lost).not.toHaveBeenCalled();
    expect(warn).not.toHaveBeenCalled();
    await pass(1);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/10000 ms .*in use: "door"\..*`shutdownGrace`/)]]);
    expect(lost).toHaveBeenCalledTimes(1);
    expect(closed.settled).toBe(true);
    expect(store.all('release')).toHaveLength(1);
    end.resolve('too late');
    await settle();
    expect(run.error).toMatchObject({ code: 'LOCK_LOST', why: 'released', result: 'too late' });
    await pass(RELEASE_PATIENCE_MS);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('loses its lock at once with `shutdownGrace: 0`', async () => {
    locks = new CoreLocks(store, { shutdownGrace: 0 });
    const { lost } = await running();
    const closed = watch(locks.close());
    await settle();
    expect(lost).toHaveBeenCalledTimes(1);
    expect(closed.settled).toBe(true);
  });
});
