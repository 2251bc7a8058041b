import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { UNBOUNDED } from '../../lib/core/options.js';
import { type Busy, type Granted } from '../../lib/index.js';
import { withDrift } from '../../lib/stores/redis/quorum/quorum.js';
import { QuorumLockStore } from '../../lib/stores/redis/quorum/quorum-lock-store.js';
import { useFakeTime } from '../support/fake-time.js';
import { MemoryVoter, type VoterClock, type VoterFault } from '../support/memory-voter.js';

const TTL_MS = 3_000;
const OWNERS = 4;

type Step = { faults: VoterFault[] } & (
  | { do: 'acquire'; owner: number; waits: boolean; block: number; permits: number }
  | { do: 'renew' | 'release' | 'withdraw'; owner: number }
  | { do: 'restart'; voter: number }
  | { do: 'pass'; ms: number }
);

interface Hold {
  /** By the holder's clock. */
  deadline: number;
  permits: number;
}

interface Owner {
  id: string;
  attempt: number;
  ticket: number;
  /** Given with its first attempt. */
  permits: number;
}

/** Several processes at a quorum, and what each of them believes. */
class QuorumWorld {
  readonly voters: readonly MemoryVoter[];
  readonly #store: QuorumLockStore;
  readonly #owners = Array.from({ length: OWNERS }, (_, index) => newOwner(index));
  readonly #holds = new Map<string, Hold>();
  #generation = OWNERS;
  #lastToken = 0;
  #lastExclusiveToken = 0;

  constructor(clocks: readonly VoterClock[]) {
    this.voters = clocks.map((clock) => new MemoryVoter(clock, withDrift(TTL_MS)));
    this.#store = new QuorumLockStore(this.voters.map(({ store }) => store));
  }

  async perform(step: Step): Promise<void> {
    for (const [index, voter] of this.voters.entries()) voter.fault = step.faults[index] ?? 'none';
    if (step.do === 'pass') await vi.advanceTimersByTimeAsync(step.ms);
    else if (step.do === 'restart') this.voters[step.voter % this.voters.length]!.restart();
    else if (step.do === 'acquire') await this.#acquire(step);
    else await this.#other(step.do, step.owner);
  }

  /** Everybody leaves, and every server can be reached. */
  async leave(): Promise<void> {
    for (const voter of this.voters) voter.fault = 'none';
    for (const [index, { id }] of [...this.#owners.entries()])
      await this.#other(this.#holds.has(id) ? 'release' : 'withdraw', index);
    // What did not get through is repeated after a second, and a lease is longer.
    await vi.advanceTimersByTimeAsync(1_100);
    for (const { memory } of this.voters) {
      const { holders, waiting } = await memory.inspect('n');
      expect([holders, waiting], 'what nobody wants').toEqual([[], []]);
    }
    expect(
      this.#store.stakes.every((size) => size === 0),
      'nothing is left to take back',
    ).toBe(true);
  }

  async #acquire({ owner: index, waits, block, permits: asked }: Extract<Step, { do: 'acquire' }>): Promise<void> {
    const owner = this.#owners[index]!;
    // One that holds does not ask again.
    if (this.#holds.has(owner.id)) return;
    if (owner.attempt === 0) owner.permits = asked;
    owner.attempt += 1;
    const since = performance.now();
    const { id, attempt, ticket, permits } = owner;
    const alive = waits ? 5_000 : 0;
    const claim = { name: 'n', owner: id, permits, ttl: TTL_MS, alive, ticket, attempt, block };
    const answer = await settled<Granted | Busy>(this.#store.acquire(claim));
    if (!answer) return;
    if (!answer.granted) {
      owner.ticket = answer.ticket;
      return;
    }
    const now = performance.now();
    const bounds = [
      permits,
      ...[...this.#holds.values()].filter(({ deadline }) => deadline > now).map((hold) => hold.permits),
    ];
    // An exclusive one is alone.
    expect(bounds.length, `holders with ${bounds}`).toBeLessThanOrEqual(Math.max(1, Math.min(...bounds)));
    const least = permits === 0 ? this.#lastToken : this.#lastExclusiveToken;
    expect(answer.token, 'a token that has been given out').toBeGreaterThan(least);
    expect(answer.block).toBeLessThanOrEqual(block);
    const last = answer.token + answer.block - 1;
    this.#lastToken = Math.max(this.#lastToken, last);
    if (permits === 0) this.#lastExclusiveToken = last;
    this.#holds.set(id, { deadline: since + TTL_MS, permits });
  }

  async #other(operation: 'renew' | 'release' | 'withdraw', index: number): Promise<void> {
    const { id: owner } = this.#owners[index]!;
    const hold = this.#holds.get(owner);
    const since = performance.now();
    if (operation === 'renew' && hold && since < hold.deadline) {
      const ours = await settled(this.#store.renew({ name: 'n', owner, ttl: TTL_MS, permits: hold.permits }));
      if (ours && performance.now() < hold.deadline) hold.deadline = since + TTL_MS;
      if (ours === false) this.#over(index);
    } else if (operation === 'release' && hold) {
      this.#over(index);
      await settled(this.#store.release({ name: 'n', owner, retain: 0 }));
    } else if (operation === 'withdraw' && !hold) {
      this.#over(index);
      await settled(this.#store.withdraw({ name: 'n', owner }));
    }
  }

  /** An owner is one hold, and never used again. */
  #over(index: number): void {
    this.#holds.delete(this.#owners[index]!.id);
    this.#owners[index] = newOwner(this.#generation);
    this.#generation += 1;
  }
}

function newOwner(seq: number): Owner {
  return { id: `i#${seq}`, attempt: 0, ticket: 0, permits: 0 };
}

/** What it resolves to; undefined when it rejects. */
async function settled<T>(promise: Promise<T>): Promise<T | undefined> {
  let isOpen = true;
  const outcome = promise
    .catch(() => undefined)
    .finally(() => {
      isOpen = false;
    });
  for (let ms = 0; isOpen; ms += 1) await vi.advanceTimersByTimeAsync(ms);
  return outcome;
}

const fault = fc.oneof(
  { weight: 4, arbitrary: fc.constant<VoterFault>('none') },
  { weight: 1, arbitrary: fc.constant<VoterFault>('refused') },
  { weight: 1, arbitrary: fc.constant<VoterFault>('unanswered') },
  { weight: 1, arbitrary: fc.constant<VoterFault>('resent') },
);
const owner = fc.nat(OWNERS - 1);
const clock = fc.record({
  // Less than the time for which a server has no vote after its start.
  skew: fc.integer({ min: -1_000, max: 1_000 }),
  rate: fc.double({ min: 1, max: 1.009, noNaN: true }),
});

/** A moment, or about as long as a lease. */
const time = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: TTL_MS - 100, max: TTL_MS + 50 }));

const exclusive = fc.constant(0);
const anyBound = fc.constantFrom(0, 1, 1, 2, 2, 3, UNBOUNDED);

const stepsOn = (size: number, permits: fc.Arbitrary<number>) => {
  const faults = fc.array(fault, { minLength: size, maxLength: size });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('acquire' as const),
        owner,
        waits: fc.boolean(),
        block: fc.integer({ min: 1, max: 3 }),
        permits,
        faults,
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom('renew' as const, 'release' as const, 'withdraw' as const),
        owner,
        faults,
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), voter: fc.nat(size - 1), faults }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: time, faults }),
    },
  );
  return fc.record({
    clocks: fc.array(clock, { minLength: size, maxLength: size }),
    steps: fc.array(step, { minLength: 8, maxLength: 40 }),
  });
};

describe.each([3, 5])(
  'A quorum of %d servers whose clocks differ, whose calls go wrong, and which start anew',
  (size) => {
    useFakeTime();

    async function holds(permits: fc.Arbitrary<number>, numRuns: number): Promise<void> {
      const property = fc.asyncProperty(stepsOn(size, permits), async ({ clocks, steps }) => {
        const world = new QuorumWorld(clocks);
        for (const step of steps) await world.perform(step);
        await world.leave();
      });
      await fc.assert(property, { numRuns, interruptAfterTimeLimit: 60_000 });
    }

    it(
      'never has two holders, gives no token out twice, and keeps nothing that nobody wants',
      { timeout: 120_000 },
      () => holds(exclusive, 2_000),
    );

    it(
      'admits no more holders than the smallest bound of those inside, and no writer beside a reader',
      {
        timeout: 120_000,
      },
      () => holds(anyBound, 1_000),
    );
  },
);
