import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Askings, pushed } from '../support/askings.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted } from '../support/scripted-store.js';

describe('A claim that is given up', () => {
  useFakeTime();
  let askings: Askings;
  beforeEach(() => {
    askings = new Askings();
  });
  const next = (operation: 'acquire' | 'withdraw') => askings.store.next(operation);

  it('withdraws at once when nothing is in flight, and asks no more', async () => {
    const asking = askings.open();
    askings.store.next('acquire').answer(busy());
    await settle();
    asking.giveUp();
    expect(next('withdraw').asked).toEqual({ name: 'door', owner: 'me#1' });
    askings.store.next('withdraw').answer(undefined);
    await pass(60_000);
    expect(askings.store.log()).toEqual(['acquire', 'withdraw']);
    expect(askings.over).toEqual([asking]);
  });

  it.each([
    ['granted', granted()],
    ['refused', busy()],
  ])('while an attempt is in flight withdraws only after that was %s', async (_, answer) => {
    const asking = askings.open();
    asking.giveUp();
    await pass(3_000);
    expect(askings.store.log()).toEqual(['acquire']);
    askings.store.next('acquire').answer(answer);
    await settle();
    expect(askings.store.log()).toEqual(['acquire', 'withdraw']);
    expect(askings.grants).toEqual([]);
    expect(askings.refusals).toBe(0);
    askings.store.next('withdraw').answer(undefined);
    await settle();
    expect(askings.over).toEqual([asking]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('while an attempt is in flight lets the store know, which then does not try again by itself', () => {
    const asking = askings.open();
    askings.store.next('acquire');
    expect(askings.store.isWanted?.()).toBe(true);
    asking.giveUp();
    expect(askings.store.isWanted?.()).toBe(false);
  });

  it('while an attempt is in flight withdraws after that failed, and reports nothing', async () => {
    const asking = askings.open();
    asking.giveUp();
    askings.store.next('acquire').fail();
    await settle();
    expect(askings.store.log()).toEqual(['acquire', 'withdraw']);
    expect(askings.failures).toEqual([]);
  });

  it('ignores a push that came before the answer', async () => {
    const asking = askings.open();
    asking.pushed(pushed(1));
    asking.giveUp();
    askings.store.next('acquire').answer(busy());
    await settle();
    expect(askings.grants).toEqual([]);
    expect(askings.store.open('withdraw')).toBe(1);
  });

  it('withdraws every half second until the store acknowledges, one command at a time', async () => {
    const asking = askings.open();
    asking.giveUp();
    askings.store.next('acquire').fail();
    await settle();
    for (let i = 1; i <= 5; i += 1) {
      expect(askings.store.all('withdraw')).toHaveLength(i);
      askings.store.next('withdraw').fail();
      await pass(499);
      expect(askings.store.open('withdraw')).toBe(0);
      await pass(1);
    }
    await pass(30_000);
    expect(askings.store.all('withdraw')).toHaveLength(6);
    askings.store.next('withdraw').answer(undefined);
    await settle();
    expect(askings.over).toEqual([asking]);
    expect(vi.getTimerCount()).toBe(0);
  });

  describe('and never acknowledged', () => {
    beforeEach(async () => {
      askings.open({ ttl: 10_000 }).giveUp();
      askings.store.next('acquire').fail();
      await settle();
      while (askings.store.open('withdraw') > 0) {
        askings.store.next('withdraw').fail();
        await pass(500);
      }
    });

    it('stops when whatever the store may have is over by itself: its life in the queue and a ttl', async () => {
      const times = askings.store.all('withdraw').map(({ at }) => at);
      expect(times.at(-1)).toBeGreaterThanOrEqual(40_000);
      expect(times.at(-1)).toBeLessThanOrEqual(41_000);
      expect(vi.getTimerCount()).toBe(0);
      await pass(60_000);
      expect(askings.store.open('withdraw')).toBe(0);
    });
  });

  it('withdraws at once after a reconnect', async () => {
    const asking = askings.open();
    asking.giveUp();
    askings.store.next('acquire').fail();
    await settle();
    askings.store.next('withdraw').fail();
    await settle();
    asking.again();
    expect(askings.store.open('withdraw')).toBe(1);
    await pass(5_000);
    expect(askings.store.all('withdraw')).toHaveLength(2);
  });

  it('does nothing more when it is given up again', async () => {
    const asking = askings.open();
    askings.store.next('acquire').answer(busy());
    await settle();
    asking.giveUp();
    asking.giveUp();
    expect(askings.store.all('withdraw')).toHaveLength(1);
    askings.store.next('withdraw').answer(undefined);
    await settle();
    asking.giveUp();
    expect(askings.store.all('withdraw')).toHaveLength(1);
    expect(askings.over).toEqual([asking]);
  });

  it('after it was granted does nothing: the lease is the owner of it now', async () => {
    const asking = askings.open();
    askings.store.next('acquire').answer(granted());
    await settle();
    asking.giveUp();
    expect(askings.store.log()).toEqual(['acquire']);
  });

  describe('and then stopped, since the service closes', () => {
    it('has no timer left', async () => {
      const asking = askings.open();
      asking.giveUp();
      askings.store.next('acquire').fail();
      await settle();
      askings.store.next('withdraw').fail();
      await settle();
      asking.stop();
      expect(vi.getTimerCount()).toBe(0);
      await pass(60_000);
      expect(askings.store.all('withdraw')).toHaveLength(1);
    });

    it.each(['acquire', 'withdraw'] as const)(
      'arms none when what is in flight (%s) fails later',
      async (operation) => {
        const asking = askings.open();
        asking.giveUp();
        if (operation === 'withdraw') {
          askings.store.next('acquire').fail();
          await settle();
        }
        asking.stop();
        askings.store.next(operation).fail();
        await settle();
        for (let i = 0; i < 5; i += 1) {
          if (askings.store.open('withdraw') > 0) askings.store.next('withdraw').fail();
          await pass(1_000);
        }
        expect(askings.store.all('withdraw').length).toBeLessThanOrEqual(1);
        expect(vi.getTimerCount()).toBe(0);
      },
    );
  });
});
