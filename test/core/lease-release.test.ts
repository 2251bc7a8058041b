import { beforeEach, describe, expect, it, vi } from 'vitest';
import { watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { Leases } from '../support/leases.js';

const down = new Error('scripted: down');

describe('A release', () => {
  useFakeTime();
  let leases: Leases;
  beforeEach(() => {
    leases = new Leases();
  });

  it('gives the lease back, says whether it was ours, and leaves nothing armed', async () => {
    const lease = leases.open();
    const released = lease.release(0);
    expect(lease.held).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
    leases.store.next('release').answer(true);
    await expect(released).resolves.toBe(true);
    expect(leases.over).toEqual([lease]);
    expect(leases.lost).toEqual([]);
  });

  it('says false when the store says that it was not ours', async () => {
    const released = leases.open().release(0);
    leases.store.next('release').answer(false);
    await expect(released).resolves.toBe(false);
  });

  it('hands on for how long the lock is kept back', async () => {
    void leases.open().release(7_000);
    expect(leases.store.next('release').asked).toEqual({ name: 'door', owner: 'me#1', retain: 7_000 });
  });

  it('of a lease that is over asks nothing', async () => {
    const lease = leases.open({ renew: false });
    lease.lose('forced');
    await expect(lease.release(0)).resolves.toBe(false);
    expect(leases.store.calls).toEqual([]);
  });

  it('sends nothing the second time', async () => {
    const lease = leases.open();
    const first = lease.release(0);
    await expect(lease.release(0)).resolves.toBe(false);
    leases.store.next('release').answer(true);
    await expect(first).resolves.toBe(true);
    expect(leases.store.all('release')).toHaveLength(1);
  });

  it('that gets no answer is tried again every 100 ms until the store answers, and says so once', async () => {
    const lease = leases.open();
    const onDelay = vi.fn();
    const released = watch(lease.release(500, onDelay));
    leases.store.next('release').fail(down);
    await settle();
    expect(released.settled).toBe(false);
    expect(onDelay).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 5; i += 1) {
      await pass(100);
      leases.store.next('release').fail(down);
      await settle();
    }
    expect(leases.over).toEqual([]);
    await pass(100);
    leases.store.next('release').answer(true);
    await pass(5_000);
    expect(released.value).toBe(true);
    expect(onDelay).toHaveBeenCalledTimes(1);
    const releases = leases.store.all('release');
    expect(releases).toHaveLength(7);
    expect(releases.every(({ asked }) => asked.retain === 500)).toBe(true);
    expect(leases.over).toEqual([lease]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is tried again no longer than the lease lasts, for it is over by itself then', async () => {
    const lease = leases.open();
    const released = watch(lease.release(0));
    for (let i = 0; i < 100 && vi.getTimerCount() + leases.store.open('release') > 0; i += 1) {
      if (leases.store.open('release') > 0) leases.store.next('release').fail(down);
      await pass(100);
    }
    expect(released.error).toBeDefined();
    expect(leases.store.all('release').length).toBeLessThanOrEqual(31);
    expect(leases.over).toEqual([lease]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that waits for its answer is not sent again meanwhile', async () => {
    void leases.open().release(0);
    await pass(10_000);
    expect(leases.store.all('release')).toHaveLength(1);
  });

  it.each([true, false])('wins over a renewal in flight, whose answer (%s) is ignored', async (answer) => {
    const lease = leases.open();
    await pass(1_000);
    const released = lease.release(0);
    leases.store.next('renew').answer(answer);
    await settle();
    expect(leases.lost).toEqual([]);
    leases.store.next('release').answer(true);
    await expect(released).resolves.toBe(true);
    await pass(10_000);
    expect(leases.store.all('renew')).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('wins over a renewal in flight that fails, which is not repeated', async () => {
    const lease = leases.open();
    await pass(1_000);
    const released = lease.release(0);
    leases.store.next('renew').fail(down);
    leases.store.next('release').answer(true);
    await expect(released).resolves.toBe(true);
    await pass(10_000);
    expect(leases.store.log()).toEqual(['renew', 'release']);
  });

  it('is not undone by a message that ends the hold by force', async () => {
    const lease = leases.open();
    const released = lease.release(0);
    lease.lose('forced');
    leases.store.next('release').answer(true);
    await expect(released).resolves.toBe(true);
    expect(leases.lost).toEqual([]);
  });

  describe('under the one who works (abandon)', () => {
    it('gives the lease back and tells that it was lost by release', async () => {
      const lease = leases.open();
      const abandoned = lease.abandon();
      expect(leases.lost).toEqual(['released']);
      expect(lease.held).toBe(false);
      expect(leases.store.next('release').asked.retain).toBe(0);
      leases.store.next('release').answer(true);
      await abandoned;
      expect(vi.getTimerCount()).toBe(0);
    });

    it('rejects when the store does not answer, and has told all the same', async () => {
      const abandoned = watch(leases.open().abandon());
      leases.store.next('release').fail(down);
      await settle();
      expect(abandoned.error).toBeDefined();
      expect(leases.lost).toEqual(['released']);
    });

    it('waits for a release that the store has not acknowledged yet', async () => {
      const lease = leases.open();
      const released = watch(lease.release(3_000));
      const abandoned = watch(lease.abandon());
      await settle();
      expect(abandoned.settled).toBe(false);
      while (leases.store.open('release') > 0) leases.store.next('release').answer(true);
      await settle();
      expect(abandoned.settled).toBe(true);
      expect(released.value).toBe(true);
      expect(leases.store.all('release').every(({ asked }) => asked.retain === 3_000)).toBe(true);
    });

    it('sends a release again that has failed, and waits for the answer', async () => {
      const lease = leases.open();
      const released = watch(lease.release(0));
      leases.store.next('release').fail(down);
      await settle();
      expect(released.settled).toBe(false);
      const abandoned = watch(lease.abandon());
      await settle();
      expect(abandoned.settled).toBe(false);
      leases.store.next('release').answer(true);
      await settle();
      expect(abandoned).toEqual({ settled: true });
    });
  });
});
