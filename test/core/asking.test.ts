import { beforeEach, describe, expect, it, vi } from 'vitest';
import { LockUnavailableError } from '../../lib/index.js';
import { Askings } from '../support/askings.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { busy, granted } from '../support/scripted-store.js';

describe('A claim', () => {
  useFakeTime();
  let askings: Askings;
  beforeEach(() => {
    askings = new Askings();
  });
  const next = () => askings.store.next('acquire');
  const attempts = () => askings.store.all('acquire').map(({ asked }) => asked.attempt);

  async function refuse(refusal: Parameters<typeof busy>[0] = {}): Promise<void> {
    next().answer(busy(refusal));
    await settle();
  }

  describe('asks', () => {
    it('at once, as its first attempt, without a ticket, to be kept for thirty seconds at the most', () => {
      askings.open({ permits: 3, ttl: 700, replicas: 2, maxWaiting: 9, block: () => 4 });
      expect(next().asked).toEqual({
        name: 'door',
        owner: 'me#1',
        permits: 3,
        ttl: 700,
        alive: 30_000,
        ticket: 0,
        attempt: 1,
        block: 4,
        replicas: 2,
        maxWaiting: 9,
        callers: 1,
      });
    });

    it('without a place in the queue when it does not wait, and is over with the answer', async () => {
      const asking = askings.open({ queues: false });
      expect(next().asked.alive).toBe(0);
      await refuse({ ticket: 0 });
      expect(askings.refusals).toBe(1);
      expect(askings.over).toEqual([asking]);
      await pass(60_000);
      expect(askings.store.calls).toHaveLength(1);
    });

    it('again with the next number, the ticket that it was given, and the block that it needs by then', async () => {
      let block = 1;
      askings.open({ block: () => block });
      await refuse({ ticket: 77 });
      block = 5;
      await pass(1_667);
      expect(next().asked).toMatchObject({ attempt: 2, ticket: 77, block: 5, alive: 30_000 });
    });

    it('with its ticket also after the store has purged it and forgotten', async () => {
      askings.open();
      await refuse({ ticket: 77 });
      await pass(1_667);
      await refuse({ ticket: 77, rank: 3 });
      await pass(1_667);
      expect(next().asked.ticket).toBe(77);
    });

    it('one attempt at a time, however long the answer takes', async () => {
      const asking = askings.open();
      asking.again();
      await pass(20_000);
      asking.again();
      expect(askings.store.calls).toHaveLength(1);
    });
  });

  describe('asks again', () => {
    it.each([
      { left: 0, rank: 0, after: 10 },
      { left: 8, rank: 0, after: 10 },
      { left: 300, rank: 0, after: 301 },
      { left: 300, rank: 3, after: 361 },
      { left: 100, rank: 50, after: 1_101 },
      { left: 100, rank: 5_000, after: 1_101 },
      { left: 1_600, rank: 50, after: 5_000 / 3 },
      { left: 86_400_000, rank: 0, after: 5_000 / 3 },
    ])(
      'when the lease of the holder ends, spread by rank, and at least three times per life: $left ms left, rank $rank: after $after ms',
      async ({ left, rank, after }) => {
        askings.open();
        await refuse({ retryAfter: left, rank });
        await pass(Math.floor(after) - 1);
        expect(attempts()).toEqual([1]);
        await pass(2);
        expect(attempts()).toEqual([1, 2]);
      },
    );

    it.each([5_000, 30_000])(
      'after a third of the %i ms for which the store keeps it, and a fifth of that later at the latest',
      async (aliveFor) => {
        askings.open();
        await refuse({ retryAfter: 86_400_000, aliveFor });
        await pass(Math.floor(aliveFor / 3) - 1);
        expect(attempts()).toEqual([1]);
        await pass(aliveFor / 15 + 51);
        expect(attempts()).toEqual([1, 2]);
      },
    );

    it('when the lease of the holder ends, however long the store keeps it', async () => {
      askings.open();
      await refuse({ retryAfter: 300, aliveFor: 30_000 });
      await pass(302);
      expect(attempts()).toEqual([1, 2]);
    });

    it('at once when it is nudged', async () => {
      const asking = askings.open();
      await refuse();
      asking.again();
      expect(attempts()).toEqual([1, 2]);
      await pass(20_000);
      expect(attempts()).toEqual([1, 2]);
    });

    it('as soon as the answer is there when it is nudged in flight, once', async () => {
      const asking = askings.open();
      asking.again();
      asking.again();
      await refuse();
      expect(attempts()).toEqual([1, 2]);
      await refuse();
      expect(attempts()).toEqual([1, 2]);
    });

    it('with one timer, which goes when the lock comes', async () => {
      const asking = askings.open();
      await refuse();
      expect(vi.getTimerCount()).toBe(1);
      asking.again();
      expect(vi.getTimerCount()).toBe(0);
      next().answer(granted());
      await settle();
      expect(vi.getTimerCount()).toBe(0);
      await pass(60_000);
      expect(attempts()).toEqual([1, 2]);
    });
  });

  describe('wins', () => {
    it('with the answer, and the lease counts from before its send', async () => {
      const asking = askings.open();
      await pass(400);
      next().answer(granted({ token: 9, block: 3 }));
      await settle();
      expect(askings.grants).toEqual([{ granted: true, token: 9, block: 3, owner: 'me#1', since: 0 }]);
      expect(askings.over).toEqual([asking]);
    });

    it('with a later attempt, and the lease counts from that one', async () => {
      askings.open();
      await refuse({ retryAfter: 1_000 });
      await pass(1_001);
      const sent = next().at;
      await pass(50);
      next().answer(granted());
      await settle();
      expect(askings.grants[0]!.since).toBe(sent);
    });
  });

  describe('when the store does not answer', () => {
    it('fails with its first attempt, with a fresh error for its name', async () => {
      askings.open();
      const error = new LockUnavailableError('another', 'it sleeps', { uncertain: false });
      next().fail(error);
      await settle();
      expect(askings.failures).toHaveLength(1);
      expect(askings.failures[0]).not.toBe(error);
      expect(askings.failures[0]).toMatchObject({ lockName: 'door', problem: 'it sleeps' });
    });

    it('is over at once when the first attempt certainly did nothing', async () => {
      const asking = askings.open();
      next().fail(new LockUnavailableError('door', 'away', { uncertain: false }));
      await settle();
      expect(askings.over).toEqual([asking]);
      expect(askings.store.log()).toEqual(['acquire']);
    });

    it('withdraws when the first attempt may have done something', async () => {
      const asking = askings.open();
      next().fail(new LockUnavailableError('door', 'silent', { uncertain: true }));
      await settle();
      expect(askings.failures).toHaveLength(1);
      expect(askings.over).toEqual([]);
      askings.store.next('withdraw').answer(undefined);
      await settle();
      expect(askings.over).toEqual([asking]);
    });

    it('stays in the queue, asking every 100 ms, while the silence is shorter than the patience', async () => {
      const asking = askings.open();
      await refuse({ ticket: 7 });
      await pass(1_667);
      for (let i = 0; i < 30; i += 1) {
        next().fail();
        await pass(100);
      }
      expect(asking.trouble).toBeInstanceOf(LockUnavailableError);
      expect(askings.failures).toEqual([]);
      expect(next().asked).toMatchObject({ ticket: 7, attempt: 32 });
      await refuse();
      expect(asking.trouble).toBeUndefined();
      expect(askings.failures).toEqual([]);
    });

    it('fails when the silence is longer than the patience, and withdraws', async () => {
      askings.open();
      await refuse();
      await pass(1_667);
      const silentFrom = next().at;
      while (askings.failures.length === 0) {
        next().fail();
        await pass(100);
      }
      expect(askings.clock.now() - silentFrom).toBeGreaterThanOrEqual(5_000);
      expect(askings.clock.now() - silentFrom).toBeLessThanOrEqual(5_200);
      expect(askings.store.open('withdraw')).toBe(1);
    });

    it('does not count the time in which nobody asked as silence', async () => {
      Object.assign(askings, { patience: 1_000 });
      askings.open();
      await refuse();
      await pass(1_667);
      next().fail();
      await pass(100);
      expect(askings.failures).toEqual([]);
      next().answer(granted());
      await settle();
      expect(askings.grants).toHaveLength(1);
    });

    it('asks at once after a reconnect instead of waiting', async () => {
      const asking = askings.open();
      await refuse();
      await pass(1_667);
      next().fail();
      await settle();
      asking.again();
      expect(attempts()).toEqual([1, 2, 3]);
      await refuse();
      expect(askings.failures).toEqual([]);
    });
  });
});
