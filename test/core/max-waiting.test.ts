import { beforeEach, describe, expect, it } from 'vitest';
import type { LockOptions } from '../../lib/index.js';
import { CoreLocks, holdFirst, watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';

const CROWDED = { code: 'LOCK_BUSY', crowded: true };

describe('maxWaiting', () => {
  useFakeTime();
  let store: ScriptedStore;
  let locks: CoreLocks;
  beforeEach(() => {
    store = new ScriptedStore().letGo();
    locks = new CoreLocks(store);
  });

  const ask = (count: number, options: LockOptions) =>
    Array.from({ length: count }, () => watch(locks.acquire('door', options)));

  it('turns away at once whoever finds so many callers of this process waiting', async () => {
    await holdFirst(locks, store, [{}, {}, {}]);
    const [late] = ask(1, { maxWaiting: 2 });
    await settle();
    expect(late!.error).toMatchObject({ ...CROWDED, holders: ['here'] });
    expect((late!.error as Error).message).toMatch(/as many wait for it as may.*`maxWaiting`/);
    const [patient] = ask(1, { maxWaiting: 3 });
    await settle();
    expect(patient!.settled).toBe(false);
  });

  it('does not count whoever may be granted it at once, as long as nobody knows', async () => {
    const wants = ask(3, { maxWaiting: 1 });
    await settle();
    expect(wants.map(({ settled }) => settled)).toEqual([false, false, true]);
    store.next('acquire').answer(granted({ token: 1, block: 64 }));
    await settle();
    expect(wants.map(({ value }) => value?.held)).toEqual([true, undefined, undefined]);
    expect(wants[2]!.error).toMatchObject(CROWDED);
  });

  it('counts it when it turns out that the lock is busy: then those behind are too many', async () => {
    const wants = ask(2, { maxWaiting: 1 });
    await settle();
    store.next('acquire').answer(busy({ retryAfter: 500 }));
    await settle();
    expect(wants.map(({ settled }) => settled)).toEqual([false, true]);
    expect(wants[1]!.error).toMatchObject(CROWDED);
  });

  it('is told to the store, whose full queue is a busy lock too', async () => {
    const [want] = ask(1, { maxWaiting: 5 });
    const claim = store.next('acquire');
    expect(claim.asked).toMatchObject({ maxWaiting: 5, alive: 30_000 });
    claim.answer(busy({ retryAfter: 500, ticket: 0, holder: `${'0'.repeat(32)}.there#1` }));
    await settle();
    expect(want!.error).toMatchObject({ ...CROWDED, holders: ['there'], retryAfter: 500 });
    await pass(60_000);
    expect(store.log()).toEqual(['acquire']);
  });

  it('lets the next in line ask when the first is turned away', async () => {
    const wants = [...ask(1, { maxWaiting: 5 }), ...ask(1, {})];
    store.next('acquire').answer(busy({ ticket: 0 }));
    await settle();
    expect(wants[0]!.error).toMatchObject(CROWDED);
    store.next('acquire').answer(granted());
    await settle();
    expect(wants[1]!.value!.held).toBe(true);
  });

  it('does not concern those who do not wait', async () => {
    await holdFirst(locks, store, [{}, {}]);
    const [late] = ask(1, { maxWaiting: 1, wait: 0 });
    await settle();
    expect(late!.error).toMatchObject({ code: 'LOCK_BUSY', crowded: false });
  });
});
