import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type AskingAlone, Askings, pushed } from '../support/askings.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted } from '../support/scripted-store.js';

describe('A grant', () => {
  useFakeTime();
  let askings: Askings;
  beforeEach(() => {
    askings = new Askings();
  });
  const next = () => askings.store.next('acquire');
  const attempts = () => askings.store.all('acquire').map(({ asked }) => asked.attempt);

  /** One that stands in the queue. */
  async function queued(wish: Parameters<Askings['open']>[0] = {}): Promise<AskingAlone> {
    const asking = askings.open(wish);
    next().answer(busy());
    await settle();
    return asking;
  }

  describe('that is pushed', () => {
    it('counts from the send of its attempt, not from the message', async () => {
      const asking = await queued();
      await pass(900);
      asking.pushed(pushed(1, { token: 5, block: 2 }));
      expect(askings.grants).toMatchObject([{ token: 5, block: 2, owner: 'me#1', since: 0 }]);
      expect(askings.over).toEqual([asking]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('for an attempt that is older than the last completed one is void', async () => {
      const asking = await queued();
      await pass(1_667);
      next().answer(busy());
      await settle();
      asking.pushed(pushed(1));
      expect(askings.grants).toEqual([]);
      asking.pushed(pushed(2));
      expect(askings.grants).toHaveLength(1);
    });

    it('for an older attempt is void while a newer one is in flight, whose answer decides', async () => {
      const asking = await queued();
      await pass(1_667);
      const sent = next().at;
      asking.pushed(pushed(1, { token: 5 }));
      expect(askings.grants).toEqual([]);
      next().answer(granted({ token: 5 }));
      await settle();
      expect(askings.grants).toMatchObject([{ token: 5, since: sent }]);
    });

    it('for an older attempt is void also when the newer one is refused: that lease is over', async () => {
      const asking = await queued();
      await pass(1_667);
      asking.pushed(pushed(1));
      next().answer(busy());
      await settle();
      expect(askings.grants).toEqual([]);
    });

    it('before the reply "busy" of the same attempt is taken when that reply comes', async () => {
      const asking = askings.open();
      asking.pushed(pushed(1, { token: 5 }));
      expect(askings.grants).toEqual([]);
      await pass(20);
      next().answer(busy());
      await settle();
      expect(askings.grants).toMatchObject([{ token: 5, since: 0 }]);
      expect(attempts()).toEqual([1]);
    });

    it('before a reply that never comes counts from the send of its own attempt, or not at all', async () => {
      const asking = await queued();
      await pass(1_667);
      const sent = next().at;
      asking.pushed(pushed(2));
      next().fail();
      await pass(100);
      // That lease has been ended meanwhile, and somebody else has it.
      if (askings.store.open('acquire') > 0) next().answer(busy({ holder: 'other#1' }));
      await settle();
      expect(askings.grants.filter(({ since }) => since !== sent)).toEqual([]);
    });

    it('after the last attempt failed is taken', async () => {
      const asking = await queued();
      await pass(1_667);
      const sent = next().at;
      next().fail();
      await settle();
      asking.pushed(pushed(2));
      expect(askings.grants).toMatchObject([{ since: sent }]);
      expect(vi.getTimerCount()).toBe(0);
    });

    it('twice is taken once', async () => {
      const asking = await queued();
      asking.pushed(pushed(1));
      asking.pushed(pushed(1));
      expect(askings.grants).toHaveLength(1);
    });

    it('after nobody wants it any more is not taken, and the withdrawal gives it back', async () => {
      const asking = await queued();
      asking.giveUp();
      asking.pushed(pushed(1));
      expect(askings.grants).toEqual([]);
      expect(askings.store.open('withdraw')).toBe(1);
    });
  });

  describe('that is provisional', () => {
    it('is made whole by asking again, and counts from there', async () => {
      const asking = await queued();
      await pass(500);
      asking.pushed(pushed(1, { provisional: true, token: 5 }));
      expect(askings.grants).toEqual([]);
      expect(next().asked).toMatchObject({ attempt: 2, ttl: 30_000 });
      await pass(10);
      next().answer(granted({ token: 5 }));
      await settle();
      expect(askings.grants).toMatchObject([{ token: 5, since: 500 }]);
    });

    it('is made whole also when it came before the reply', async () => {
      const asking = askings.open();
      asking.pushed(pushed(1, { provisional: true }));
      next().answer(busy());
      await settle();
      expect(askings.grants).toEqual([]);
      expect(attempts()).toEqual([1, 2]);
    });

    it('that has ended meanwhile leaves the claim in the queue', async () => {
      const asking = await queued();
      asking.pushed(pushed(1, { provisional: true }));
      next().answer(busy({ holder: 'other#1' }));
      await settle();
      expect(askings.grants).toEqual([]);
      expect(vi.getTimerCount()).toBe(1);
    });
  });

  describe('of which less than half is left', () => {
    it('is not handed out: it asks again, and the lease starts anew', async () => {
      askings.open({ ttl: 1_000 });
      await pass(501);
      next().answer(granted({ token: 5 }));
      await settle();
      expect(askings.grants).toEqual([]);
      expect(attempts()).toEqual([1, 2]);
      next().answer(granted({ token: 5 }));
      await settle();
      expect(askings.grants).toMatchObject([{ token: 5, since: 501 }]);
    });

    it('is handed out with exactly half of it', async () => {
      askings.open({ ttl: 1_000 });
      await pass(500);
      next().answer(granted());
      await settle();
      expect(askings.grants).toHaveLength(1);
    });

    it('is not handed out when it was pushed, either', async () => {
      const asking = await queued({ ttl: 1_000 });
      await pass(1_100);
      asking.pushed(pushed(1));
      expect(askings.grants).toEqual([]);
      expect(attempts()).toEqual([1, 2]);
      next().answer(busy());
      await settle();
      expect(askings.grants).toEqual([]);
    });

    it('is not handed out when the event loop stalled between the message and us', async () => {
      const asking = await queued({ ttl: 1_000 });
      askings.clock.stall(60_000);
      asking.pushed(pushed(1));
      expect(askings.grants).toEqual([]);
    });

    it('three times in a row says that the store is too slow for the ttl, and it is given back', async () => {
      const asking = askings.open({ ttl: 1_000 });
      for (let i = 0; i < 3; i += 1) {
        await pass(600);
        next().answer(granted());
        await settle();
      }
      expect(attempts()).toEqual([1, 2, 3]);
      expect(askings.grants).toEqual([]);
      expect(askings.failures).toMatchObject([{ code: 'LOCK_UNAVAILABLE', lockName: 'door' }]);
      expect(askings.failures[0]!.message).toContain('half of the ttl of 1000 ms');
      askings.store.next('withdraw').answer(undefined);
      await settle();
      expect(askings.over).toEqual([asking]);
    });

    it('now and then over a long wait is no reason to fail', async () => {
      const asking = await queued({ ttl: 1_000 });
      for (let i = 1; i <= 10; i += 1) {
        await pass(600);
        asking.pushed(pushed(attempts().at(-1)!));
        next().answer(busy({ holder: 'other#1' }));
        await settle();
      }
      expect(askings.failures).toEqual([]);
    });
  });
});
