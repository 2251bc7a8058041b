import { beforeEach, describe, expect, it, vi } from 'vitest';
import { watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { Leases } from '../support/leases.js';

describe('A lease whose work is done', () => {
  useFakeTime();
  let leases: Leases;
  beforeEach(() => {
    leases = new Leases();
  });

  it('is marked and given back in one step, and leaves nothing armed', async () => {
    const lease = leases.open({ replicas: 2 });
    const completed = watch(lease.complete(60_000, 500));
    await settle();
    const { asked } = leases.store.next('complete');
    expect(asked).toEqual({ name: 'door', owner: 'me#1', remember: 60_000, retain: 500, replicas: 2 });
    leases.store.next('complete').answer(true);
    await settle();
    expect(completed.value).toBe('done');
    expect([lease.held, vi.getTimerCount()]).toEqual([false, 0]);
    expect(leases.over).toEqual([lease]);
    expect(leases.lost).toEqual([]);
    expect(leases.store.log()).toEqual(['complete']);
  });

  it('is not held from then on: the answer may come after the grant to the next', async () => {
    const lease = leases.open();
    const completed = watch(lease.complete(60_000, 0));
    await settle();
    expect(lease.held).toBe(false);
    lease.lose('taken');
    leases.store.next('complete').answer(true);
    await settle();
    expect([completed.value, leases.lost]).toEqual(['done', []]);
  });

  it('is waited for by a shutdown, which does not release what is about to be marked', async () => {
    const lease = leases.open();
    void watch(lease.complete(60_000, 0));
    await settle();
    const abandoned = watch(lease.abandon());
    await settle();
    expect([abandoned.settled, leases.store.log()]).toEqual([false, ['complete']]);
    leases.store.next('complete').answer(true);
    await settle();
    expect(abandoned.settled).toBe(true);
  });

  it('is asked for no longer than the shutdown: nobody waits for a store that is away', async () => {
    const lease = leases.open({ ttl: 3_600_000 });
    const completed = watch(lease.complete(60_000, 0));
    await settle();
    const abandoned = watch(lease.abandon());
    leases.store.next('complete').fail();
    await pass(100);
    expect([abandoned.settled, completed.value]).toEqual([true, 'unavailable']);
  });

  it('stays held, and renewed, where it is only marked', async () => {
    const lease = leases.open();
    const completed = watch(lease.complete(60_000));
    await settle();
    leases.store.next('complete').answer(true);
    await settle();
    expect([completed.value, lease.held]).toEqual(['done', true]);
    await pass(1_000);
    leases.store.next('renew').answer(true);
  });

  it('is lost when the store says that it was not ours', async () => {
    const completed = watch(leases.open().complete(60_000, 0));
    await settle();
    leases.store.next('complete').answer(false);
    await settle();
    expect(completed.value).toBe('taken');
    expect(leases.lost).toEqual([]);
  });

  it('that is only marked is lost when the store says that it was not ours', async () => {
    const completed = watch(leases.open().complete(60_000));
    await settle();
    leases.store.next('complete').answer(false);
    await settle();
    expect(completed.value).toBe('taken');
    expect(leases.lost).toEqual(['taken']);
  });

  it('asks until it is answered, and does not renew meanwhile: the mark may be set, and the lease given back', async () => {
    const lease = leases.open();
    const completed = watch(lease.complete(60_000, 0));
    await settle();
    for (let i = 0; i < 12; i += 1) {
      leases.store.next('complete').fail();
      await pass(100);
    }
    expect([completed.settled, leases.store.all('renew')]).toEqual([false, []]);
    leases.store.next('complete').answer(true);
    await settle();
    expect(completed.value).toBe('done');
    expect(leases.lost).toEqual([]);
  });

  it('is lost when nobody has answered by its end', async () => {
    const completed = watch(leases.open().complete(60_000, 0));
    await settle();
    for (let i = 0; i < 30; i += 1) {
      leases.store.next('complete').fail();
      await pass(100);
    }
    expect(completed.value).toBe('unavailable');
    expect(leases.over).toHaveLength(1);
  });

  it('is given back then for as long as a renewal without an answer may have prolonged it', async () => {
    const lease = leases.open();
    await pass(1_000);
    leases.store.next('renew').fail();
    await settle();
    const completed = watch(lease.complete(60_000, 0));
    await settle();
    for (let i = 0; i < 20; i += 1) {
      leases.store.next('complete').fail();
      await pass(100);
    }
    expect(completed.value).toBe('unavailable');
    leases.store.next('release').fail();
    await pass(600);
    leases.store.next('release').answer(true);
    await pass(10_000);
    expect(leases.store.all('release')).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has its mark when the answer comes after its end: the store compared the owner', async () => {
    const completed = watch(leases.open().complete(60_000, 0));
    await pass(3_000);
    leases.store.next('complete').answer(true);
    await settle();
    expect(completed.value).toBe('done');
  });

  it('waits for the renewal that is on its way', async () => {
    const lease = leases.open();
    await pass(1_000);
    void watch(lease.complete(60_000, 0));
    await settle();
    expect(leases.store.open('complete')).toBe(0);
    leases.store.next('renew').answer(true);
    await settle();
    expect(leases.store.open('complete')).toBe(1);
  });

  it('that is over asks nothing', async () => {
    const lease = leases.open();
    lease.lose('forced');
    await expect(lease.complete(60_000, 0)).resolves.toBe('released');
    expect(leases.store.log()).toEqual([]);
  });
});
