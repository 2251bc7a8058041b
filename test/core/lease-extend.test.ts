import { beforeEach, describe, expect, it, vi } from 'vitest';
import { watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { Leases } from '../support/leases.js';

const down = new Error('scripted: down');

describe('An extension of a lease', () => {
  useFakeTime();
  let leases: Leases;
  beforeEach(() => {
    leases = new Leases();
    leases.store.automatic.release = () => true;
  });

  it('starts the lease anew from before its send', async () => {
    const lease = leases.open();
    await pass(500);
    const extended = lease.extend();
    await settle();
    const call = leases.store.next('renew');
    expect(call.asked.ttl).toBe(3_000);
    await pass(300);
    call.answer(true);
    await expect(extended).resolves.toBe(true);
    expect(lease.remaining()).toBe(2_700);
  });

  it('with a ttl of its own sets the length from now on, for the renewals too', async () => {
    const lease = leases.open();
    const extended = lease.extend(9_000);
    await settle();
    leases.store.next('renew').answer(true);
    await expect(extended).resolves.toBe(true);
    expect(lease.remaining()).toBe(9_000);
    await pass(3_050);
    expect(leases.store.next('renew').asked.ttl).toBe(9_000);
    expect(leases.store.all('renew')).toHaveLength(2);
  });

  it('of a lease that is not renewed makes it one that lasts longer, and no more', async () => {
    const lease = leases.open({ renew: false });
    await pass(2_000);
    const extended = lease.extend();
    await settle();
    leases.store.next('renew').answer(true);
    await extended;
    await pass(2_999);
    expect(lease.held).toBe(true);
    await pass(1);
    expect(leases.lost).toEqual(['expired']);
    expect(leases.store.all('renew')).toHaveLength(1);
  });

  it('of a lease that is not renewed starts no renewals when it fails', async () => {
    const lease = leases.open({ renew: false });
    const extended = watch(lease.extend());
    await settle();
    leases.store.next('renew').fail(down);
    await pass(3_000);
    expect(extended.error).toBeDefined();
    expect(leases.store.all('renew')).toHaveLength(1);
    expect(lease.held).toBe(false);
  });

  it('goes no further than `maxHold`', async () => {
    const lease = leases.open({ maxHold: 4_000 });
    const extended = lease.extend(60_000);
    await settle();
    expect(leases.store.next('renew').asked.ttl).toBe(4_000);
    leases.store.next('renew').answer(true);
    await extended;
    expect(lease.remaining()).toBe(4_000);
  });

  it('says no when the lease is over, and asks nothing', async () => {
    const lease = leases.open();
    lease.lose('forced');
    await expect(lease.extend()).resolves.toBe(false);
    expect(leases.store.calls).toEqual([]);
  });

  it('says no when the store does, and the lease is lost', async () => {
    const lease = leases.open();
    const extended = lease.extend();
    await settle();
    leases.store.next('renew').answer(false);
    await expect(extended).resolves.toBe(false);
    expect(leases.lost).toEqual(['taken']);
  });

  it('says no when the lease was given back meanwhile, and does not revive it', async () => {
    const lease = leases.open();
    const extended = lease.extend(60_000);
    await settle();
    const released = lease.release(0);
    leases.store.next('renew').answer(true);
    await expect(extended).resolves.toBe(false);
    await expect(released).resolves.toBe(true);
    expect(lease.held).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that gets no answer rejects, and the lease lasts as it did', async () => {
    const lease = leases.open();
    const extended = watch(lease.extend());
    await pass(10);
    leases.store.next('renew').fail(down);
    await settle();
    expect(extended.error).toBeDefined();
    expect(lease.remaining()).toBe(2_990);
    expect(leases.lost).toEqual([]);
  });

  it('waits for a renewal in flight', async () => {
    const lease = leases.open();
    await pass(1_000);
    const extended = watch(lease.extend());
    await settle();
    expect(leases.store.open('renew')).toBe(1);
    leases.store.next('renew').answer(true);
    await settle();
    leases.store.next('renew').answer(true);
    await settle();
    expect(extended.value).toBe(true);
  });

  it('keeps renewals and further extensions waiting: one is in flight at a time', async () => {
    const lease = leases.open();
    await pass(900);
    const both = [lease.extend(60_000), lease.extend(6_000)].map(watch);
    await pass(1_000);
    expect(leases.store.open('renew')).toBe(1);
    leases.store.next('renew').answer(true);
    await settle();
    expect(leases.store.open('renew')).toBe(1);
    leases.store.next('renew').answer(true);
    await settle();
    expect(both.map(({ value }) => value)).toEqual([true, true]);
    expect(leases.store.all('renew').map(({ asked }) => asked.ttl)).toEqual([60_000, 6_000]);
    expect(lease.remaining()).toBeLessThanOrEqual(6_000);
  });

  describe('that makes the lease shorter counts from its send, for the store may have carried it out:', () => {
    it('while no answer has come', async () => {
      const lease = leases.open({ ttl: 30_000 });
      void watch(lease.extend(1_000));
      await pass(1_001);
      expect(lease.held).toBe(false);
    });

    it('while no answer has come, and its holder is told at the end, though nobody looks', async () => {
      const lease = leases.open({ ttl: 30_000 });
      void watch(lease.extend(1_000));
      await pass(1_001);
      expect(leases.lost).toHaveLength(1);
    });

    it('when the answer is lost', async () => {
      const lease = leases.open({ ttl: 30_000 });
      const extended = watch(lease.extend(1_000));
      await settle();
      leases.store.next('renew').fail(down);
      await settle();
      expect(extended.error).toBeDefined();
      expect(lease.remaining()).toBeLessThanOrEqual(1_000);
      // The renewals that follow are those of the shorter lease.
      await pass(400);
      expect(leases.store.next('renew').asked.ttl).toBe(1_000);
      await pass(700);
      expect(lease.held).toBe(false);
    });

    it('when a longer one stands before it, whose answer comes first', async () => {
      const lease = leases.open({ ttl: 30_000 });
      void watch(lease.extend(60_000));
      void watch(lease.extend(1_000));
      await settle();
      leases.store.next('renew').answer(true);
      await settle();
      leases.store.next('renew').fail(down);
      await settle();
      expect(lease.remaining()).toBeLessThanOrEqual(1_000);
    });
  });
});
