import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Lock, LockOptions } from '../../lib/index.js';
import { CoreLocks, type Watched, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

const down = new Error('scripted: down');

describe('The callers of one process that want one name', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  function want(options: LockOptions = {}): Watched<Lock> & { leave: (reason: unknown) => void } {
    const controller = new AbortController();
    const watched = watch(locks.acquire('door', { signal: controller.signal, ...options }));
    return Object.assign(watched, { leave: (reason: unknown) => controller.abort(reason) });
  }

  const owners = () => new Set(store.all('acquire').map(({ asked }) => asked.owner)).size;

  it('have one claim in the store', async () => {
    const wants = [want(), want(), want(), want()];
    await settle();
    expect(store.all('acquire')).toHaveLength(1);
    store.next('acquire').answer(busy());
    await pass(8_000);
    expect(owners()).toBe(1);
    expect(wants.some(({ settled }) => settled)).toBe(false);
  });

  it('are served in the order in which they came', async () => {
    const order: number[] = [];
    const take = async (i: number): Promise<void> => {
      const lock = await locks.acquire('door', { wait: '1m' });
      order.push(i);
      await lock.release();
    };
    const all = Promise.all([1, 2, 3, 4, 5].map(take));
    while (order.length < 5) {
      await settle();
      if (store.open('acquire') > 0) store.next('acquire').answer(granted());
    }
    await all;
    expect(order).toEqual([1, 2, 3, 4, 5]);
  });

  it('reserve tokens for as many as may be served in a row, when the claim is sent while several wait', async () => {
    locks = new CoreLocks(store, { localHandOver: { max: 4 } });
    for (let i = 0; i < 3; i += 1) want();
    await settle();
    expect(store.next('acquire').asked.block).toBe(1);
    store.next('acquire').answer(busy({ retryAfter: 0 }));
    await pass(10);
    expect(store.next('acquire').asked.block).toBe(4);
  });

  it.each(['before', 'after'])(
    'reserve tokens also when a single one is left, who came %s another of them was served, who may come again',
    async (moment) => {
      locks = new CoreLocks(store, { localHandOver: { max: 4 } });
      want();
      if (moment === 'before') want();
      await settle();
      store.next('acquire').answer(granted());
      await settle();
      if (moment === 'after') want();
      await settle();
      expect(store.next('acquire').asked.block).toBe(4);
    },
  );

  it('get a claim for the next in the same tick in which the first is served, if the lease may not be handed on', async () => {
    const [first] = [want(), want()];
    await settle();
    store.next('acquire').answer(granted());
    await settle();
    expect(first!.settled).toBe(true);
    expect(store.open('acquire')).toBe(1);
    expect(owners()).toBe(2);
  });

  it('send the release and the claim of a newcomer in the same tick', async () => {
    const first = want();
    await settle();
    store.next('acquire').answer(granted());
    await settle();
    store.forget();
    void first.value!.release();
    want();
    expect(store.log()).toEqual(['release', 'acquire']);
  });

  it('keep the claim when the first leaves: it serves the next', async () => {
    const [first, second] = [want(), want()];
    await settle();
    store.next('acquire').answer(busy());
    await settle();
    first!.leave(new Error('enough'));
    await settle();
    expect(first!.error).toEqual(new Error('enough'));
    expect(store.all('withdraw')).toEqual([]);
    store.push(store.all('acquire')[0]!.asked.owner, { token: 7 });
    await settle();
    expect(second!.value!.fencingToken).toBe(7);
    expect(owners()).toBe(1);
  });

  it('keep the claim also when the first leaves while it is in flight', async () => {
    const [first, second] = [want(), want()];
    await settle();
    first!.leave(new Error('enough'));
    store.next('acquire').answer(granted());
    await settle();
    expect(second!.value!.held).toBe(true);
    expect(store.log()).toEqual(['acquire']);
  });

  it('give the claim up when nobody is left', async () => {
    const wants = [want(), want()];
    await settle();
    store.next('acquire').answer(busy());
    await settle();
    for (const each of wants) each.leave(new Error('enough'));
    await settle();
    expect(store.log()).toEqual(['acquire', 'withdraw']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('give the claim up when the next has another ttl, and make one with that', async () => {
    const [first, second] = [want({ ttl: '5s' }), want({ ttl: '7s' })];
    await settle();
    store.next('acquire').answer(busy());
    await settle();
    first!.leave(new Error('enough'));
    await settle();
    expect(store.log()).toEqual(['acquire', 'withdraw', 'acquire']);
    expect(store.next('acquire').asked).toMatchObject({ ttl: 7_000, ticket: 0, attempt: 1 });
    store.next('acquire').answer(granted());
    await settle();
    expect(second!.value!.remaining()).toBe(7_000);
  });

  it('give a claim up in flight when the next has another ttl, and what it is granted is given back', async () => {
    const [first, second] = [want({ ttl: '5s' }), want({ ttl: '7s' })];
    await settle();
    const given = store.next('acquire');
    first!.leave(new Error('enough'));
    await settle();
    expect(store.open('acquire')).toBe(2);
    given.answer(granted());
    await settle();
    expect(store.all('withdraw').map(({ asked }) => asked.owner)).toEqual([given.asked.owner]);
    expect(second!.settled).toBe(false);
  });

  it('all hear of a failure, each with an error of its own', async () => {
    const wants = [want(), want({ ttl: '5s' }), want()];
    await settle();
    store.next('acquire').fail(down);
    await settle();
    for (const { error } of wants)
      expect(error).toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'door', cause: down });
    expect(new Set(wants.map(({ error }) => error)).size).toBe(3);
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('may come anew after a failure', async () => {
    want();
    await settle();
    store.next('acquire').fail(down);
    await settle();
    const again = want();
    await settle();
    store.next('acquire').answer(granted());
    await settle();
    expect(again.value!.held).toBe(true);
  });

  it('learn at the end of their own wait that it is busy, whatever the others wait', async () => {
    const wants = [want({ wait: '3s' }), want({ wait: '1s' }), want({ wait: '2s' })];
    await settle();
    store.next('acquire').answer(busy({ holder: `${'0'.repeat(32)}.mars#4` }));
    await pass(999);
    expect(wants.map(({ settled }) => settled)).toEqual([false, false, false]);
    await pass(1);
    expect(wants[1]!.error).toMatchObject({ code: 'LOCK_BUSY', waited: 1_000, holders: ['mars'] });
    await pass(1_000);
    expect(wants.map(({ settled }) => settled)).toEqual([false, true, true]);
  });

  it('that join while it is known to be busy wait no longer than they said', async () => {
    store.automatic.acquire = () => busy();
    want();
    await pass(5_000);
    const late = want({ wait: '1s' });
    await pass(1_000);
    expect(late.error).toMatchObject({ code: 'LOCK_BUSY', waited: 1_000 });
  });

  it('hear only what is meant for them, and not for the owner with the same number of another process', async () => {
    const waiting = want();
    await settle();
    const { owner } = store.next('acquire').asked;
    const stranger = `${'0'.repeat(32)}.mars${owner.slice(owner.lastIndexOf('#'))}`;
    store.next('acquire').answer(busy());
    await settle();
    store.push(stranger, { attempt: 1, token: 7 });
    store.nudge(stranger);
    await settle();
    expect(waiting.settled).toBe(false);
    expect(store.all('acquire')).toHaveLength(1);
    store.push(owner, { token: 8 });
    await settle();
    store.revoke(stranger);
    expect(waiting.value!.held).toBe(true);
    store.revoke(owner);
    expect(waiting.value!.held).toBe(false);
  });
});
