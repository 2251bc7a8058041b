import { beforeEach, describe, expect, it } from 'vitest';
import type { LockStore } from '../../../../lib/index.js';
import { QuorumLockStore } from '../../../../lib/stores/redis/quorum/quorum-lock-store.js';
import { until } from '../../../support/event.js';
import { MemoryVoter } from '../../../support/memory-voter.js';

const REMEMBER_MS = 600_000;
const NAME = 'invoice';
const TERMS = { name: NAME, permits: 0, ttl: 30_000, alive: 0, ticket: 0, attempt: 1, block: 1 };

describe('A mark on a quorum', () => {
  let voters: [MemoryVoter, MemoryVoter, MemoryVoter];
  let quorum: QuorumLockStore;
  beforeEach(() => {
    // Each notes a time of its own.
    const voter = (skew: number): MemoryVoter => new MemoryVoter({ skew, rate: 1 }, 0);
    voters = [voter(0), voter(5), voter(-5)];
    quorum = new QuorumLockStore(voters.map(({ store }) => store));
  });

  async function take(owner: string): Promise<void> {
    expect((await quorum.acquire({ ...TERMS, owner })).granted).toBe(true);
  }

  /** The marks of each server. */
  const marks = (): Promise<(number | null)[]> => Promise.all(voters.map(({ memory }) => memory.doneAt(NAME)));
  const marked = async (): Promise<boolean[]> => (await marks()).map((mark) => mark !== null);
  const complete = (owner: string): Promise<boolean> =>
    quorum.complete({ name: NAME, owner, remember: REMEMBER_MS, retain: 0 });

  it('is on every server, and the lock is free on each', async () => {
    await take('a#1');
    expect(await complete('a#1')).toBe(true);
    await until(async () => (await marked()).every(Boolean));
    const states = await Promise.all(voters.map(({ memory }) => memory.inspect(NAME)));
    expect(states.flatMap(({ holders }) => holders)).toEqual([]);
  });

  it('is found as long as one server that answers has it', async () => {
    await take('a#1');
    voters[2].fault = 'refused';
    expect(await complete('a#1')).toBe(true);
    voters[2].fault = 'none';
    voters[1].restart();
    expect(await marked()).toEqual([true, false, false]);
    expect(await quorum.doneAt(NAME)).toBeGreaterThan(0);
  });

  it('is unknown when most servers do not answer', async () => {
    voters[0].fault = 'refused';
    expect(await quorum.doneAt(NAME)).toBe(null);
    voters[1].fault = 'refused';
    await expect(quorum.doneAt(NAME)).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
  });

  it('is not set when most servers have lost the lock, and taken back where it was', async () => {
    await take('a#1');
    for (const { memory } of voters.slice(1)) await memory.release({ name: NAME, owner: 'a#1', retain: 0 });
    expect(await complete('a#1')).toBe(false);
    await until(async () => (await marked()).every((mark) => !mark));
  });

  it("is not taken back when it is somebody else's", async () => {
    await take('a#1');
    const [first, second, third] = voters.map(({ memory }) => memory);
    for (const memory of [second, third]) await memory?.release({ name: NAME, owner: 'a#1', retain: 0 });
    // On the way to the first server, the loser's mark is overtaken by that of the next holder.
    const slow = new QuorumLockStore([
      {
        ...voters[0].store,
        complete: async (completion) => first?.complete(completion).finally(mark) ?? false,
      } as LockStore,
      voters[1].store,
      voters[2].store,
    ]);
    const mark = async (): Promise<void> => {
      await first?.acquire({ ...TERMS, owner: 'b#1' });
      await first?.complete({ name: NAME, owner: 'b#1', remember: REMEMBER_MS, retain: 0 });
    };
    expect(await slow.complete({ name: NAME, owner: 'a#1', remember: REMEMBER_MS, retain: 0 })).toBe(false);
    await new Promise(setImmediate);
    expect(await marked()).toEqual([true, false, false]);
  });

  it('that may be set or not is an error, and a repeat says what it was', async () => {
    await take('a#1');
    for (const voter of voters) voter.fault = 'unanswered';
    await expect(complete('a#1')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    for (const voter of voters) voter.fault = 'none';
    expect(await complete('a#1')).toBe(true);
  });

  it('is removed from all servers, or not said to be', async () => {
    await take('a#1');
    await complete('a#1');
    voters[0].fault = 'refused';
    await expect(quorum.unmark(NAME, 'a#1')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    voters[0].fault = 'none';
    expect(await quorum.unmark(NAME, (await quorum.doneAt(NAME)) ?? 0)).toBe(true);
    expect([await marked(), await quorum.unmark(NAME, 'a#1')]).toEqual([[false, false, false], false]);
  });

  it('that was on its way to a server when it was removed stays there, until it is removed again', async () => {
    await take('a#1');
    const [first, second, third] = voters;
    let arrive = (): void => {};
    const underway = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const late = {
      ...third.store,
      complete: (completion) => underway.then(() => third.memory.complete(completion)),
      withdraw: (owned) => underway.then(() => third.memory.withdraw(owned)),
    } as LockStore;
    const slow = new QuorumLockStore([first.store, second.store, late]);
    expect(await slow.complete({ name: NAME, owner: 'a#1', remember: REMEMBER_MS, retain: 0 })).toBe(true);
    const forget = async (): Promise<boolean> => quorum.unmark(NAME, (await quorum.doneAt(NAME)) ?? 0);
    expect(await forget()).toBe(true);
    expect(await marked()).toEqual([false, false, false]);
    arrive();
    await until(async () => (await marked())[2] === true);
    expect([await forget(), await marked()]).toEqual([true, [false, false, false]]);
  });
});
