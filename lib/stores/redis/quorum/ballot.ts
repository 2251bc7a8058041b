import type { Busy, Claim, Granted } from '../../../core/lock-store.js';
import { runtime } from '../../../core/runtime.js';
import { pause } from '../../../core/timer.js';
import type { Absence } from './absence.js';
import type { Minorities } from './minorities.js';
import { isSettled, never, type Poll, poll, quietly, type Tally, type Vote } from './poll.js';
import { forVoters, type Quorum } from './quorum.js';
import { commonHolder, refusal } from './refusal.js';
import type { Voter } from './voter.js';

/** How long a claim that does not wait tries again as long as the votes are split. */
const SPLIT_MS = 500;
/** So often votes are asked for again that were ended before they were complete. */
const REPEATS = 3;

type Answer = Granted | Busy;
/** `isSplit`: nobody has most of the votes. */
type Refusal = Busy & { readonly isSplit?: boolean };

/** What a claim needs to know of the others. */
export interface Electorate {
  readonly quorum: Quorum;
  readonly minorities: Minorities;
  readonly absence: Absence;
  /** Whether the lock is still wanted. */
  isWanted(): boolean;
  /** This one had no part in the grant. */
  lacks(voter: Voter): void;
}

/** One claim before the voters: it wins most of them, or is refused. */
export class Ballot {
  readonly #claim: Claim;
  readonly #electorate: Electorate;
  /** The claim as a voter hears it. */
  readonly #asked: Claim;
  readonly #needed: number;

  constructor(claim: Claim, electorate: Electorate) {
    this.#claim = claim;
    this.#electorate = electorate;
    this.#asked = forVoters(claim);
    this.#needed = electorate.quorum.votesFor(claim.permits);
  }

  async run(): Promise<Granted | Busy> {
    const { minorities, absence, isWanted } = this.#electorate;
    const { owner, alive } = this.#claim;
    for (const since = runtime.monotonic(); ; ) {
      const answer = await absence.outlast(() => this.#attempt(), isWanted);
      if (answer.granted || alive > 0 || !answer.isSplit || runtime.monotonic() - since > SPLIT_MS) return answer;
      // Claims that come at the same moment may split the votes: then one of those that try again gets them all.
      await pause(minorities.backOff(owner));
    }
  }

  /** Throws where so many servers are not there, or have no vote, that nothing can be decided. */
  async #attempt(repeats = 0): Promise<Granted | Refusal> {
    const since = runtime.monotonic();
    // Holders whose shares overlap have one token as long as all servers have a say in it. And who has not won has to know
    // of each vote that it has, since it stands in the way of others with it.
    const isWon = ({ votes }: Tally<Voter, Answer>): boolean =>
      this.#claim.permits === 0 && grantsIn(votes).length >= this.#needed;
    const answers = await poll(this.#electorate.quorum.voters, (voter) => voter.acquire(this.#asked), isWon);
    const grant = await this.#confirm(answers);
    if (grant) return grant;
    // It had most votes, and they were ended before they had their token: by `forceRelease`, or since a message about an
    // earlier lock of this owner came late.
    const wasWon = grantsIn(answers.votes).length >= this.#needed;
    if (wasWon && repeats < REPEATS && this.#electorate.isWanted()) return this.#attempt(repeats + 1);
    return this.#refuse(answers, runtime.monotonic() - since);
  }

  /**
   * The grant, if it has been won, and once most servers know its token: whoever is granted the lock next gets a higher
   * one from one of them.
   */
  async #confirm({ votes }: Tally<Voter, Answer>): Promise<Granted | undefined> {
    const { quorum } = this.#electorate;
    const grants = grantsIn(votes);
    if (grants.length < this.#needed) return undefined;
    const { answer } = grants.reduce((one, other) => (other.answer.token > one.answer.token ? other : one));
    const { token } = answer;
    const block = Math.min(answer.block, this.#asked.block);
    const voters = grants.map(({ voter }) => voter);
    const tell = (voter: Voter): Promise<boolean> => voter.renew({ ...this.#asked, token, block });
    // Those whose grant is on its way still are told as well, and then give the same token whenever they are asked.
    for (const voter of quorum.voters) {
      if (!voters.includes(voter)) quietly(tell(voter).then((ours) => ours || this.#electorate.lacks(voter)));
    }
    const answers = await poll(voters, tell, this.#claim.permits === 0 ? isSettled(this.#needed) : never);
    return quorum.outcome(this.#claim.name, answers, this.#needed) ? { granted: true, token, block } : undefined;
  }

  async #refuse(answers: Poll<Voter, Answer>, took: number): Promise<Refusal> {
    const { quorum, minorities } = this.#electorate;
    const { owner, alive } = this.#claim;
    const grants = grantsIn(answers.votes);
    const refusing = answers.votes.filter(({ answer }) => !answer.granted);
    const refusals = refusing.map(({ answer }) => answer as Busy);
    if (refusals.length === 0 || answers.votes.length < quorum.majority) {
      throw quorum.unavailable(this.#claim.name, answers);
    }

    const busy = refusal(refusals, this.#needed - grants.length);
    const full = alive > 0 ? refusals.filter(({ ticket }) => ticket === 0).length : 0;
    if (full > quorum.voters.length - quorum.majority) {
      quietly(this.#leave(quorum.voters));
      return { ...busy, ticket: 0 };
    }
    // Those who did not refuse have granted, or may have.
    const votes = quorum.voters.filter((voter) => !refusing.some((refusal) => refusal.voter === voter));
    const isSplit = votes.length > 0 && commonHolder(refusals).count < quorum.majority;
    if (isSplit && alive > 0 && minorities.mayKeep(owner, took)) return { ...busy, retryAfter: 0, rank: 0 };
    // Done before the next attempt begins, so that it takes back nothing that is won then.
    await this.#leave(votes);
    return isSplit ? { ...busy, retryAfter: minorities.backOff(owner), rank: 0, isSplit } : busy;
  }

  #leave(voters: readonly Voter[]): Promise<unknown> {
    const { name, owner } = this.#claim;
    return Promise.allSettled(voters.map((voter) => voter.leave({ name, owner })));
  }
}

function grantsIn(votes: readonly Vote<Voter, Answer>[]): Vote<Voter, Granted>[] {
  return votes.filter((vote): vote is Vote<Voter, Granted> => vote.answer.granted);
}
