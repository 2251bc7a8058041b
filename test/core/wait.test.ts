import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Lock, LockOptions } from '../../lib/index.js';
import { CoreLocks, holdFirst, type Watched, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

describe('The wait for a lock', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  async function waiting(options: LockOptions = {}): Promise<Watched<Lock>> {
    const wanted = watch(locks.acquire('door', options));
    await settle();
    store.next('acquire').answer(busy({ holder: 'somebody' }));
    await settle();
    return wanted;
  }

  /** The store answers what the waiter asks: still busy. */
  async function stayBusy(ms: number): Promise<void> {
    store.automatic.acquire = () => busy({ holder: 'somebody' });
    await pass(ms);
    delete store.automatic.acquire;
  }

  it('ends when it is over, with who held it and how long was waited', async () => {
    const wanted = await waiting({ wait: '7s' });
    await stayBusy(6_999);
    expect(wanted.settled).toBe(false);
    await pass(1);
    expect(wanted.error).toMatchObject({ code: 'LOCK_BUSY', lockName: 'door', waited: 7_000, holders: ['somebody'] });
    await settle();
    expect(store.all('withdraw')).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts from the call, not from the answer', async () => {
    const wanted = watch(locks.acquire('door', { wait: '3s' }));
    await pass(1_500);
    store.next('acquire').answer(busy());
    await pass(1_499);
    expect(wanted.settled).toBe(false);
    await pass(1);
    expect(wanted.error).toMatchObject({ code: 'LOCK_BUSY', waited: 3_000 });
  });

  it('that is over before the first answer leaves the answer to decide: granted', async () => {
    const wanted = watch(locks.acquire('door', { wait: '1s' }));
    await pass(2_000);
    expect(wanted.settled).toBe(false);
    store.next('acquire').answer(granted());
    await settle();
    expect(wanted.value!.held).toBe(true);
  });

  it('that is over before the first answer leaves the answer to decide: busy', async () => {
    const wanted = watch(locks.acquire('door', { wait: '1s' }));
    await pass(2_000);
    store.next('acquire').answer(busy());
    await settle();
    expect(wanted.error).toMatchObject({ code: 'LOCK_BUSY', waited: 2_000 });
    expect(store.log()).toEqual(['acquire', 'withdraw']);
  });

  it('that is over before the first answer leaves the answer to decide: none', async () => {
    const wanted = watch(locks.acquire('door', { wait: '1s' }));
    await pass(5_000);
    store.next('acquire').fail();
    await settle();
    expect(wanted.error).toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it('that is over while the store is silent says so, and not that the lock is busy', async () => {
    const wanted = await waiting({ wait: '3s' });
    await pass(1_667);
    while (!wanted.settled) {
      if (store.open('acquire') > 0) store.next('acquire').fail();
      await pass(50);
    }
    expect(locks.clock.now()).toBeLessThanOrEqual(3_050);
    expect(wanted.error).toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'door' });
  });

  it.each([
    { asked: 1_500, code: 'LOCK_UNAVAILABLE' },
    { asked: 1_501, code: 'LOCK_BUSY' },
  ])(
    'that is over while a question is open for two seconds says so, and not sooner: $asked ms',
    async ({ asked, code }) => {
      const wanted = await waiting({ wait: '3500ms' });
      await pass(asked);
      store.reconnect();
      await pass(3_500 - asked);
      expect(wanted.error).toMatchObject({ code, lockName: 'door' });
    },
  );

  it('for a lock that this process holds itself is over because of that, whatever the store says', async () => {
    const [held, next] = await holdFirst(locks, store, [{}, { wait: 3_000 }]);
    await pass(3_000);
    expect(store.open('acquire')).toBe(1);
    expect(next!.error).toMatchObject({ code: 'LOCK_BUSY', holders: ['here'] });
    expect(held!.value!.held).toBe(true);
  });

  it('of a caller who joins others asks the store anew, if its last answer is two seconds old', async () => {
    const first = watch(locks.acquire('door', { wait: '1m' }));
    await settle();
    store.next('acquire').answer(busy({ aliveFor: 30_000 }));
    await pass(1_999);
    const soon = watch(locks.acquire('door', { wait: 100 }));
    await settle();
    expect(store.open('acquire')).toBe(0);
    await pass(100);
    expect(soon.error).toMatchObject({ code: 'LOCK_BUSY' });
    const late = watch(locks.acquire('door', { wait: 100 }));
    await pass(100);
    expect(late.settled).toBe(false);
    store.next('acquire').answer(busy({ aliveFor: 30_000 }));
    await settle();
    expect(late.error).toMatchObject({ code: 'LOCK_BUSY' });
    const again = watch(locks.acquire('door', { wait: 100 }));
    await pass(100);
    expect(again.error).toMatchObject({ code: 'LOCK_BUSY' });
    expect(first.settled).toBe(false);
  });

  it('survives a silence that is shorter than the command timeout', async () => {
    const wanted = await waiting({ wait: '20s' });
    await pass(1_667);
    for (let i = 0; i < 20; i += 1) {
      store.next('acquire').fail();
      await pass(100);
    }
    store.next('acquire').answer(granted());
    await settle();
    expect(wanted.value!.held).toBe(true);
  });

  it.each(['500ms', '2s'] as const)('survives a hiccup whatever the command timeout (%s)', async (commandTimeout) => {
    locks = new CoreLocks(store, { commandTimeout });
    const wanted = await waiting({ wait: '20s' });
    await pass(1_667);
    store.next('acquire').fail();
    await pass(100);
    expect(wanted.settled).toBe(false);
    store.next('acquire').answer(granted());
    await settle();
    expect(wanted.value!.held).toBe(true);
  });

  it('has no end with Infinity', async () => {
    const wanted = await waiting({ wait: Number.POSITIVE_INFINITY });
    await stayBusy(60_000);
    expect(wanted.settled).toBe(false);
    store.push(store.all('acquire')[0]!.asked.owner);
    await settle();
    expect(wanted.value!.held).toBe(true);
  });

  it('may last longer than 2^31 ms', async () => {
    const wanted = await waiting({ wait: '30d' });
    store.automatic.acquire = () => busy();
    await pass(60_000);
    expect(wanted.settled).toBe(false);
  });

  it('ends at once with a push, a nudge or a reconnect that finds the lock free', async () => {
    for (const wake of ['push', 'nudge', 'reconnect'] as const) {
      const wanted = await waiting();
      const { owner } = store.all('acquire').at(-1)!.asked;
      if (wake === 'push') store.push(owner);
      if (wake === 'nudge') store.nudge(owner);
      if (wake === 'reconnect') store.reconnect();
      if (wake !== 'push') store.next('acquire').answer(granted());
      await settle();
      expect(wanted.value!.held).toBe(true);
      await wanted.value!.release();
    }
  });

  it('ends with a hold that was not ended by force meanwhile', async () => {
    const wanted = watch(locks.acquire('door'));
    await settle();
    const { owner } = store.next('acquire').asked;
    // Granted by message, forced, and only now the answer "busy" of the attempt comes, on another connection.
    store.push(owner);
    store.revoke(owner);
    store.next('acquire').answer(busy());
    await settle();
    expect(wanted.value?.held).not.toBe(true);
  });

  it('ends with a hold that was not ended by force while its grant was under way', async () => {
    const wanted = watch(locks.acquire('door'));
    await settle();
    store.revoke(store.next('acquire').asked.owner);
    store.next('acquire').answer(granted());
    await settle();
    expect(wanted.value?.held).not.toBe(true);
    store.next('acquire').answer(granted());
    await settle();
    expect(wanted.value!.held).toBe(true);
  });

  describe('that is aborted', () => {
    it.each([new Error('enough'), 'enough', { code: 7 }])(
      'rejects with the reason of the signal, as it is: %s',
      async (reason) => {
        const controller = new AbortController();
        const wanted = await waiting({ signal: controller.signal });
        controller.abort(reason);
        await settle();
        expect(wanted.error).toBe(reason);
        expect(store.all('withdraw')).toHaveLength(1);
      },
    );

    it('before the call sends nothing', async () => {
      const signal = AbortSignal.abort(new Error('enough'));
      await expect(locks.acquire('door', { signal })).rejects.toThrow('enough');
      expect(store.calls).toEqual([]);
    });

    it('before the answer rejects at once, and gives back what the answer grants', async () => {
      const controller = new AbortController();
      const wanted = watch(locks.acquire('door', { signal: controller.signal }));
      await settle();
      controller.abort(new Error('enough'));
      await settle();
      expect(wanted.error).toEqual(new Error('enough'));
      store.next('acquire').answer(granted());
      await settle();
      expect(store.log()).toEqual(['acquire', 'withdraw']);
    });

    it('after it has ended leaves the lock held, and its signal alone', async () => {
      const controller = new AbortController();
      const wanted = await waiting({ signal: controller.signal });
      store.push(store.all('acquire')[0]!.asked.owner);
      await settle();
      controller.abort();
      expect(wanted.value!.held).toBe(true);
      expect(wanted.value!.signal.aborted).toBe(false);
    });

    it('leaves no listener on the signal, however it ended', async () => {
      const { signal } = new AbortController();
      for (const end of ['granted', 'refused', 'failed', 'over', 'released'] as const) {
        const wanted = watch(locks.acquire(end, { signal, wait: end === 'refused' ? 0 : '1s' }));
        await settle();
        const call = store.next('acquire');
        if (end === 'failed') call.fail();
        else if (end === 'granted' || end === 'released') call.answer(granted());
        else call.answer(busy());
        await settle();
        if (end === 'released') await wanted.value!.release();
        if (end === 'over') await pass(1_000);
        expect(wanted.settled).toBe(true);
        expect(getEventListeners(signal, 'abort')).toEqual([]);
      }
    });
  });
});
