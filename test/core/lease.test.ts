import { beforeEach, describe, expect, it, vi } from 'vitest';
import { watch } from '../support/core-locks.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { Leases } from '../support/leases.js';

const down = new Error('scripted: down');

describe('A lease', () => {
  useFakeTime();
  let leases: Leases;
  beforeEach(() => {
    leases = new Leases();
    leases.store.automatic.release = () => true;
  });

  describe('counts', () => {
    it('from before the send of the attempt that won, not from the answer', async () => {
      const lease = leases.open({ since: leases.clock.now() - 1_000, renew: false });
      expect(lease.remaining()).toBe(2_000);
      await pass(1_999);
      expect(lease.held).toBe(true);
      await pass(1);
      expect(lease.held).toBe(false);
      expect(lease.remaining()).toBe(0);
    });

    it('from before the send of a renewal, not from the answer', async () => {
      const lease = leases.open();
      await pass(1_000);
      const renewal = leases.store.next('renew');
      await pass(700);
      renewal.answer(true);
      await settle();
      expect(lease.remaining()).toBe(renewal.at + 3_000 - leases.clock.now());
    });

    it('by the clock at each look, also when no timer has fired', () => {
      const lease = leases.open();
      leases.clock.stall(2_999);
      expect(lease.held).toBe(true);
      leases.clock.stall(1);
      expect(lease.held).toBe(false);
      expect(leases.lost).toEqual(['expired']);
    });
  });

  describe('is renewed', () => {
    it('every third of its ttl, at most, for as long as it is held', async () => {
      leases.store.automatic.renew = () => true;
      const lease = leases.open();
      await pass(60_000);
      expect(lease.held).toBe(true);
      const renewals = leases.store.all('renew');
      expect(renewals.length).toBeGreaterThanOrEqual(55);
      expect(renewals.length).toBeLessThanOrEqual(60);
      expect(renewals[0]!.asked).toEqual({
        name: 'door',
        owner: 'me#1',
        ttl: 3_000,
        permits: 0,
        replicas: 0,
      });
    });

    it.each([9, 30, 100])('also with a ttl of %d ms no more often than that', async (ttl) => {
      leases.store.automatic.renew = () => true;
      const lease = leases.open({ ttl });
      await pass(300);
      expect(lease.held).toBe(true);
      const renewals = leases.store.all('renew');
      expect(renewals.length).toBeLessThanOrEqual(Math.ceil(900 / ttl));
    });

    it('by one command at a time', async () => {
      leases.open();
      await pass(2_900);
      expect(leases.store.open('renew')).toBe(1);
    });

    it('together with those that fall due in the same 50 ms', async () => {
      leases.store.automatic.renew = () => true;
      for (let seq = 1; seq <= 20; seq += 1) leases.open({ seq, since: leases.clock.now() - 20 + seq });
      expect(vi.getTimerCount()).toBe(1);
      await pass(1_060);
      const times = leases.store.all('renew').map(({ at }) => at);
      expect(times).toHaveLength(20);
      expect(new Set(times).size).toBeLessThanOrEqual(2);
    });

    it('never with `renew: false`', async () => {
      const lease = leases.open({ renew: false });
      lease.check();
      await pass(3_000);
      expect(leases.store.all('renew')).toEqual([]);
      expect(leases.lost).toEqual(['expired']);
    });

    it('beyond `maxHold` where it is kept longer than that, so that the store has it still when it is given back', async () => {
      leases.store.automatic.renew = () => true;
      const lease = leases.open({ maxHold: 3_000, isKeptLonger: true });
      lease.keptUntil = 60_000;
      await pass(2_999);
      expect(lease.held).toBe(true);
      const ends = leases.store.all('renew').map(({ at, asked }) => at + asked.ttl - lease.since);
      expect(Math.max(...ends)).toBeGreaterThanOrEqual(4_000);
      await pass(1);
      expect(lease.held).toBe(false);
      expect(leases.store.all('release')[0]?.asked.retain).toBeGreaterThan(50_000);
    });

    it('for no longer than `maxHold`, and then lost', async () => {
      leases.store.automatic.renew = () => true;
      const lease = leases.open({ maxHold: 7_500 });
      await pass(7_499);
      expect(lease.held).toBe(true);
      const ends = leases.store.all('renew').map(({ at, asked }) => at + asked.ttl - lease.since);
      expect(Math.max(...ends)).toBe(7_500);
      await pass(1);
      expect(leases.lost).toEqual(['expired']);
    });

    it('at once when messages may have been missed', async () => {
      const lease = leases.open();
      await pass(10);
      lease.check();
      lease.check();
      expect(leases.store.open('renew')).toBe(1);
      leases.store.next('renew').answer(false);
      await settle();
      expect(leases.lost).toEqual(['taken']);
    });
  });

  describe('has three answers to a renewal:', () => {
    it('yes, and it starts anew', async () => {
      const lease = leases.open();
      await pass(1_000);
      leases.store.next('renew').answer(true);
      await pass(2_500);
      expect(lease.held).toBe(true);
    });

    it('no, and it is lost at once, without a release, for it is not ours', async () => {
      const lease = leases.open();
      await pass(1_000);
      leases.store.next('renew').answer(false);
      await settle();
      expect(lease.held).toBe(false);
      expect(leases.lost).toEqual(['taken']);
      expect(leases.store.all('release')).toEqual([]);
      expect(leases.over).toEqual([lease]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('none, and it asks again every 100 ms until its end, and is lost only then', async () => {
      const lease = leases.open();
      await pass(1_000);
      const start = leases.store.next('renew').at;
      while (leases.store.open('renew') > 0) {
        leases.store.next('renew').fail(down);
        await pass(99);
        expect(leases.store.open('renew')).toBe(0);
        await pass(1);
      }
      const times = leases.store.all('renew').map(({ at }) => at - start);
      expect(times).toEqual(times.map((_, i) => 100 * i));
      expect(times.length).toBeGreaterThanOrEqual(19);
      expect(lease.held).toBe(false);
      expect(leases.lost).toEqual(['unavailable']);
      expect(leases.clock.now()).toBeLessThanOrEqual(lease.since + 3_000 + 100);
    });

    it('none and then yes, and it was never lost', async () => {
      const lease = leases.open();
      await pass(1_000);
      for (let i = 0; i < 10; i += 1) {
        leases.store.next('renew').fail(down);
        await pass(100);
      }
      leases.store.next('renew').answer(true);
      await pass(900);
      expect(lease.held).toBe(true);
      expect(leases.lost).toEqual([]);
    });
  });

  describe('that ends while a renewal is in flight', () => {
    it('is lost at its end, though the answer is still to come, and a later yes changes nothing', async () => {
      const lease = leases.open();
      await pass(1_000);
      const renewal = leases.store.next('renew');
      await pass(2_000);
      expect(leases.lost).toHaveLength(1);
      renewal.answer(true);
      await settle();
      expect(lease.held).toBe(false);
      expect(leases.lost).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('is lost when the yes is read after the end, before any timer has noticed', async () => {
      const lease = leases.open();
      await pass(1_000);
      leases.clock.stall(2_000);
      leases.store.next('renew').answer(true);
      await settle();
      expect(lease.held).toBe(false);
      expect(leases.lost).toHaveLength(1);
    });

    it('says that the store was silent', async () => {
      leases.open();
      await pass(3_000);
      expect(leases.lost).toEqual(['unavailable']);
    });
  });

  it('that is lost by our clock is released, so that the others need not wait for that of the store', async () => {
    leases.open({ renew: false });
    await pass(3_000);
    expect(leases.store.all('release').map(({ asked }) => asked)).toEqual([{ name: 'door', owner: 'me#1', retain: 0 }]);
  });

  it.each(['forced', 'taken'] as const)('that is lost (%s) by the word of the store is not released', (why) => {
    const lease = leases.open();
    lease.lose(why);
    lease.lose('expired');
    expect(leases.lost).toEqual([why]);
    expect(leases.store.calls).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that is lost stays lost when that release fails, and nothing rejects', async () => {
    delete leases.store.automatic.release;
    leases.open({ renew: false });
    await pass(3_000);
    leases.store.next('release').fail(down);
    await pass(10_000);
    expect(leases.store.all('release')).toHaveLength(1);
    expect(leases.lost).toEqual(['expired']);
  });

  describe('whose last renewal has no answer, and may be carried out late,', () => {
    beforeEach(() => {
      delete leases.store.automatic.release;
    });

    const failReleases = async (ms: number): Promise<void> => {
      for (let passed = 0; passed < ms; passed += 100) {
        while (leases.store.open('release') > 0) leases.store.next('release').fail(down);
        await pass(100);
      }
    };

    it('is released again after its loss, until the store answers', async () => {
      leases.open();
      await pass(3_000);
      expect(leases.lost).toEqual(['unavailable']);
      await failReleases(1_900);
      expect(leases.store.all('release').length).toBeGreaterThanOrEqual(3);
      await failReleases(200);
      await pass(500);
      const { length } = leases.store.all('release');
      leases.store.next('release').answer(false);
      await pass(10_000);
      expect(leases.store.all('release')).toHaveLength(length);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('is released again after the release of its holder has failed', async () => {
      const lease = leases.open();
      await pass(1_000);
      const released = watch(lease.release(0));
      await failReleases(2_500);
      expect(released.error).toBeDefined();
      const { length } = leases.store.all('release');
      await failReleases(1_500);
      expect(leases.store.all('release').length).toBeGreaterThan(length);
    });

    it('is released for as long as that renewal has prolonged it, when its answer comes after the release', async () => {
      const lease = leases.open();
      await pass(1_000);
      const released = watch(lease.release(0));
      leases.store.next('renew').answer(true);
      await failReleases(2_500);
      expect(released.error).toBeUndefined();
      leases.store.next('release').answer(true);
      await settle();
      expect(released.value).toBe(true);
    });

    it('is released for as long as that renewal has prolonged it, when its answer comes after the loss', async () => {
      leases.open();
      await pass(3_000);
      leases.store.next('renew').answer(true);
      await failReleases(600);
      expect(leases.store.all('release').length).toBeGreaterThanOrEqual(2);
    });

    it('is let alone once one more ttl is over, too', async () => {
      leases.open();
      await failReleases(7_000);
      const { length } = leases.store.all('release');
      await failReleases(10_000);
      expect(leases.store.all('release')).toHaveLength(length);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  it('that is still ours after a stall of the event loop is renewed first, and not lost', async () => {
    const lease = leases.open();
    leases.clock.stall(1_900);
    await pass(1_050);
    expect(leases.store.open('renew')).toBe(1);
    leases.store.next('renew').answer(true);
    await settle();
    expect(lease.held).toBe(true);
    expect(leases.lost).toEqual([]);
  });

  it('that ended during a stall of the event loop is lost, and not renewed', async () => {
    leases.open();
    leases.clock.stall(2_500);
    await pass(1_050);
    expect(leases.store.all('renew')).toEqual([]);
    expect(leases.lost).toEqual(['expired']);
  });
});
