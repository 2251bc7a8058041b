import { beforeEach, describe, expect, it } from 'vitest';
import { QuorumLockStore } from '../../../../lib/stores/redis/quorum/quorum-lock-store.js';
import { watch } from '../../../support/core-locks.js';
import { pass, useFakeTime } from '../../../support/fake-time.js';
import { MemoryVoter, type VoterFault } from '../../../support/memory-voter.js';

const PATIENCE_MS = 5_000;
const CLAIM = { name: 'n', permits: 0, ttl: 30_000, alive: 0, ticket: 0, attempt: 1, block: 1 };
const UNAVAILABLE = { code: 'LOCK_UNAVAILABLE' };

describe('A quorum of three, two of which are away', () => {
  useFakeTime();
  let voters: MemoryVoter[];
  let quorum: QuorumLockStore;
  let owners = 0;
  beforeEach(() => {
    voters = Array.from({ length: 3 }, () => new MemoryVoter({ skew: 0, rate: 1 }, 0));
    quorum = new QuorumLockStore(
      voters.map(({ store }) => store),
      { patience: PATIENCE_MS },
    );
  });

  const away = (fault: VoterFault) => {
    for (const voter of voters.slice(1)) voter.fault = fault;
  };
  const acquire = () => {
    owners += 1;
    return quorum.acquire({ ...CLAIM, owner: `i#${owners}` });
  };
  const calls: [string, () => Promise<unknown>][] = [
    ['a claim', acquire],
    ['an inspection', () => quorum.inspect('n')],
    ['the question for a mark', () => quorum.doneAt('n')],
  ];

  it.each(calls)('%s waits for them', async (_, call) => {
    away('refused');
    const called = watch(call());
    await pass(0.9 * PATIENCE_MS);
    expect(called.settled).toBe(false);
    away('none');
    await pass(1_000);
    expect([called.settled, called.error]).toEqual([true, undefined]);
  });

  it.each(calls)(
    '%s fails at once when they have been away for that long, and works when they are back',
    async (_, call) => {
      away('refused');
      const first = watch(call());
      await pass(PATIENCE_MS + 100);
      expect(first.error).toMatchObject(UNAVAILABLE);
      await pass(60_000);
      const next = watch(call());
      await pass(10);
      expect(next.error).toMatchObject({ ...UNAVAILABLE, problem: expect.stringMatching(/it has been for 6\d{4} ms/) });
      away('none');
      await expect(call()).resolves.not.toThrow();
      // And the next time they are waited for again.
      away('refused');
      const again = watch(call());
      await pass(0.9 * PATIENCE_MS);
      expect(again.settled).toBe(false);
      away('none');
      await pass(1_000);
      expect(again.settled).toBe(true);
    },
  );

  it('a claim that nobody wants any more asks no more, whose votes would keep out who needs fewer', async () => {
    let isWanted = true;
    // It needs all three, and gets two.
    voters[2]!.fault = 'refused';
    const claim = { ...CLAIM, owner: 'i#0', permits: 2, alive: 30_000 };
    const claimed = watch(quorum.acquire(claim, () => isWanted));
    await pass(1_000);
    expect((await acquire()).granted).toBe(false);
    isWanted = false;
    await pass(100);
    expect(claimed.error).toMatchObject(UNAVAILABLE);
    expect((await acquire()).granted).toBe(true);
  });

  it('a release that is asked for again counts the servers that it has been released on', async () => {
    const owner = 'i#0';
    expect((await quorum.acquire({ ...CLAIM, owner })).granted).toBe(true);
    const owned = { name: 'n', owner, retain: 0 };
    away('refused');
    await expect(quorum.release(owned)).rejects.toMatchObject(UNAVAILABLE);
    voters[1]!.fault = 'none';
    expect(await quorum.release(owned)).toBe(true);
  });

  it('a release that got through later, by itself, is told as what it was', async () => {
    const owner = 'i#0';
    expect((await quorum.acquire({ ...CLAIM, owner })).granted).toBe(true);
    const owned = { name: 'n', owner, retain: 0 };
    for (const voter of voters) voter.fault = 'refused';
    await expect(quorum.release(owned)).rejects.toMatchObject(UNAVAILABLE);
    for (const voter of voters) voter.fault = 'none';
    await pass(5_000);
    expect(await quorum.release(owned)).toBe(true);
  });
});
