import { LockUnavailableError } from '../../../core/errors.js';
import { UNBOUNDED } from '../../../core/options.js';
import { type Tally, yesIn } from './poll.js';
import type { Voter } from './voter.js';

/** A server's lease is longer than the holder counts, by what its clock may run faster: 1 %, and 2 ms for its steps. */
export function withDrift(ttl: number): number {
  return Math.ceil(ttl * 1.01) + 2;
}

/** What a claim or a renewal is for a voter. The majority takes the place of the replicas. */
export function forVoters<T extends { readonly ttl: number }>(asked: T): T & { replicas: 0 } {
  return { ...asked, ttl: withDrift(asked.ttl), replicas: 0 };
}

/** Who votes, and what their votes amount to. */
export class Quorum {
  readonly voters: readonly Voter[];
  readonly majority: number;

  constructor(voters: readonly Voter[]) {
    this.voters = voters;
    this.majority = Math.floor(voters.length / 2) + 1;
  }

  /** So many that no two exclusive holders, no reader and writer, and no more than `permits` sharers have it together. */
  votesFor(permits: number): number {
    if (permits === 0 || permits === UNBOUNDED) return this.majority;
    // Each server admits `permits` of them: one more than that, with so many votes each, would be more than there are.
    return Math.floor((this.voters.length * permits) / (permits + 1)) + 1;
  }

  /** Whether so many said yes; throws where it depends on those who said nothing. */
  outcome(name: string, answers: Tally<unknown, boolean>, needed: number): boolean {
    const { votes, errors, missing } = answers;
    const yes = yesIn(votes);
    if (yes >= needed) return true;
    if (yes + errors.length + missing < needed) return false;
    throw this.unavailable(name, answers);
  }

  unavailable(name: string | undefined, { votes, errors, missing }: Tally<unknown, unknown>): LockUnavailableError {
    const all = errors.map((error) => LockUnavailableError.from(error, name));
    const [first] = all;
    const problems = [...new Set(all.map((error) => error.problem))].join('; ');
    const problem = first
      ? `${errors.length} of the ${this.voters.length} servers of the quorum did not vote (${problems})`
      : 'the votes were taken back before they were complete';
    const uncertain = votes.length + missing > 0 || all.length === 0 || all.some((error) => error.uncertain);
    return new LockUnavailableError(name, problem, { cause: first, uncertain });
  }
}
