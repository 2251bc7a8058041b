import { beforeEach, describe, expect, it, vi } from 'vitest';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted } from '../support/scripted-store.js';
import { pushed, Waitings } from '../support/waitings.js';

describe('A waiting that is given up', () => {
  useFakeTime();
  let waitings: Waitings;
  beforeEach(() => {
    waitings = new Waitings();
  });
  const next = (operation: 'acquire' | 'withdraw') => waitings.store.next(operation);

  it('withdraws at once when nothing is in flight, and asks no more', async () => {
    const waiting = waitings.open();
    waitings.store.next('acquire').answer(busy());
    await settle();
    waiting.giveUp();
    expect(next('withdraw').asked).toEqual({ name: 'door', owner: 'me#1' });
    waitings.store.next('withdraw').answer(undefined);
    await pass(60_000);
    expect(waitings.store.log()).toEqual(['acquire', 'withdraw']);
    expect(waitings.over).toEqual([waiting]);
  });

  it.each([
    ['granted', granted()],
    ['refused', busy()],
  ])('while an attempt is in flight withdraws only after that was %s', async (_, answer) => {
    const waiting = waitings.open();
    waiting.giveUp();
    await pass(3_000);
    expect(waitings.store.log()).toEqual(['acquire']);
    waitings.store.next('acquire').answer(answer);
    await settle();
    expect(waitings.store.log()).toEqual(['acquire', 'withdraw']);
    expect(waitings.grants).toEqual([]);
    expect(waitings.refusals).toBe(0);
    waitings.store.next('withdraw').answer(undefined);
    await settle();
    expect(waitings.over).toEqual([waiting]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('while an attempt is in flight lets the store know, which then does not try again by itself', () => {
    const waiting = waitings.open();
    waitings.store.next('acquire');
    expect(waitings.store.isWanted?.()).toBe(true);
    waiting.giveUp();
    expect(waitings.store.isWanted?.()).toBe(false);
  });

  it('while an attempt is in flight withdraws after that failed, and reports nothing', async () => {
    const waiting = waitings.open();
    waiting.giveUp();
    waitings.store.next('acquire').fail();
    await settle();
    expect(waitings.store.log()).toEqual(['acquire', 'withdraw']);
    expect(waitings.failures).toEqual([]);
  });

  it('ignores a push that came before the answer', async () => {
    const waiting = waitings.open();
    waiting.pushed(pushed(1));
    waiting.giveUp();
    waitings.store.next('acquire').answer(busy());
    await settle();
    expect(waitings.grants).toEqual([]);
    expect(waitings.store.open('withdraw')).toBe(1);
  });

  it('withdraws every half second until the store acknowledges, one command at a time', async () => {
    const waiting = waitings.open();
    waiting.giveUp();
    waitings.store.next('acquire').fail();
    await settle();
    for (let i = 1; i <= 5; i += 1) {
      expect(waitings.store.all('withdraw')).toHaveLength(i);
      waitings.store.next('withdraw').fail();
      await pass(499);
      expect(waitings.store.open('withdraw')).toBe(0);
      await pass(1);
    }
    await pass(30_000);
    expect(waitings.store.all('withdraw')).toHaveLength(6);
    waitings.store.next('withdraw').answer(undefined);
    await settle();
    expect(waitings.over).toEqual([waiting]);
    expect(vi.getTimerCount()).toBe(0);
  });

  describe('and never acknowledged', () => {
    beforeEach(async () => {
      waitings.open({ ttl: 10_000 }).giveUp();
      waitings.store.next('acquire').fail();
      await settle();
      while (waitings.store.open('withdraw') > 0) {
        waitings.store.next('withdraw').fail();
        await pass(500);
      }
    });

    it('stops when whatever the store may have is over by itself: its life in the queue and a ttl', async () => {
      const times = waitings.store.all('withdraw').map(({ at }) => at);
      expect(times.at(-1)).toBeGreaterThanOrEqual(40_000);
      expect(times.at(-1)).toBeLessThanOrEqual(41_000);
      expect(vi.getTimerCount()).toBe(0);
      await pass(60_000);
      expect(waitings.store.open('withdraw')).toBe(0);
    });
  });

  it('withdraws at once after a reconnect', async () => {
    const waiting = waitings.open();
    waiting.giveUp();
    waitings.store.next('acquire').fail();
    await settle();
    waitings.store.next('withdraw').fail();
    await settle();
    waiting.again();
    expect(waitings.store.open('withdraw')).toBe(1);
    await pass(5_000);
    expect(waitings.store.all('withdraw')).toHaveLength(2);
  });

  it('does nothing more when it is given up again', async () => {
    const waiting = waitings.open();
    waitings.store.next('acquire').answer(busy());
    await settle();
    waiting.giveUp();
    waiting.giveUp();
    expect(waitings.store.all('withdraw')).toHaveLength(1);
    waitings.store.next('withdraw').answer(undefined);
    await settle();
    waiting.giveUp();
    expect(waitings.store.all('withdraw')).toHaveLength(1);
    expect(waitings.over).toEqual([waiting]);
  });

  it('after it was granted does nothing: the lease is the owner of it now', async () => {
    const waiting = waitings.open();
    waitings.store.next('acquire').answer(granted());
    await settle();
    waiting.giveUp();
    expect(waitings.store.log()).toEqual(['acquire']);
  });

  describe('and then stopped, since the service closes', () => {
    it('has no timer left', async () => {
      const waiting = waitings.open();
      waiting.giveUp();
      waitings.store.next('acquire').fail();
      await settle();
      waitings.store.next('withdraw').fail();
      await settle();
      waiting.stop();
      expect(vi.getTimerCount()).toBe(0);
      await pass(60_000);
      expect(waitings.store.all('withdraw')).toHaveLength(1);
    });

    it.each(['acquire', 'withdraw'] as const)(
      'arms none when what is in flight (%s) fails later',
      async (operation) => {
        const waiting = waitings.open();
        waiting.giveUp();
        if (operation === 'withdraw') {
          waitings.store.next('acquire').fail();
          await settle();
        }
        waiting.stop();
        waitings.store.next(operation).fail();
        await settle();
        for (let i = 0; i < 5; i += 1) {
          if (waitings.store.open('withdraw') > 0) waitings.store.next('withdraw').fail();
          await pass(1_000);
        }
        expect(waitings.store.all('withdraw').length).toBeLessThanOrEqual(1);
        expect(vi.getTimerCount()).toBe(0);
      },
    );
  });
});
