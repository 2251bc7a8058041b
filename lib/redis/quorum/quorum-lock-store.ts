import type {
  Busy,
  Claim,
  Completion,
  Granted,
  LockStore,
  Owned,
  Owner,
  ReleaseAnswer,
  Renewal,
  StoreListener,
  StoreState,
} from '../../core/lock-store.js';
import { extraOf } from '../../core/store-extras.js';
import { Election } from './election.js';
import { Minorities } from './minorities.js';
import { isSettled, never, poll, quietly, type Tally, type Vote, yesIn } from './poll.js';
import { forVoters, Quorum } from './quorum.js';
import { quorumState } from './quorum-state.js';

/** For a vote that was lost. */
const WITHOUT_WAIT = { alive: 0, ticket: 0, attempt: 0, block: 1 };

/** A voter cannot tell whether the release that it has carried out is this one: no vote. */
class Untold extends Error {}

/**
 * The port on several independent stores: a lock is held by whoever holds it in most of them. The algorithm is Redlock
 * (https://redis.io/docs/latest/develop/use/patterns/distributed-locks/), with queues, with fencing tokens that grow
 * from one quorum to the next, and with voters that abstain after a restart. docs/quorum.md has the arguments.
 */
export class QuorumLockStore implements LockStore {
  readonly #quorum: Quorum;
  readonly #patience: number;
  readonly #minorities = new Minorities();
  /** Those who want the lock, or have it. */
  readonly #owners = new Set<Owner>();

  /** `patience`: how long a claim waits for most of the voters to come back, in ms. */
  constructor(voters: readonly LockStore[], patience = 0) {
    this.#quorum = new Quorum(voters);
    this.#patience = patience;
  }

  async acquire(claim: Claim): Promise<Granted | Busy> {
    const { owner } = claim;
    this.#owners.add(owner);
    let wanted = false;
    try {
      const answer = await new Election(claim, {
        quorum: this.#quorum,
        minorities: this.#minorities,
        patience: this.#patience,
        isWanted: () => this.#owners.has(owner),
      }).run();
      if (answer.granted) this.#minorities.forget(owner);
      wanted = answer.granted || answer.ticket > 0;
      return answer;
    } finally {
      if (!wanted) this.#forget(owner);
    }
  }

  async renew(renewal: Renewal): Promise<boolean> {
    const { name, owner, permits = 0 } = renewal;
    const needed = this.#quorum.votesFor(permits);
    const asked = forVoters(renewal);
    const answers = await poll(this.#quorum.voters, (voter) => voter.renew(asked), isSettled(needed));
    const ours = this.#quorum.outcome(name, answers, needed);
    // Whoever has lost it, after a restart say, gets it back, and counts from the next renewal on.
    const retake = ({ voter, answer }: Vote<LockStore, boolean>): void => {
      if (!answer && this.#owners.has(owner)) quietly(voter.acquire({ ...asked, permits, ...WITHOUT_WAIT }));
    };
    if (ours) {
      answers.votes.forEach(retake);
      quietly(answers.late.then((votes) => votes.forEach(retake)));
    } else quietly(this.withdraw({ name, owner }));
    return ours;
  }

  async release(owned: Owned & { retain: number }): Promise<ReleaseAnswer> {
    this.#forget(owned.owner);
    const answers = await poll(
      this.#quorum.voters,
      async (voter) => {
        const released = voter.release(owned);
        // Where it was won without this one's vote, we may stand in the queue still.
        quietly(voter.withdraw(owned));
        const answer = await released;
        if (answer === 'unknown') throw new Untold();
        return answer;
      },
      isSettled(this.#quorum.majority),
    );
    try {
      return this.#quorum.outcome(owned.name, answers, this.#quorum.majority);
    } catch (error) {
      // All have answered, and it is not ours any more.
      if (answers.missing === 0 && answers.errors.every((each) => each instanceof Untold)) return 'unknown';
      throw error;
    }
  }

  async withdraw(owned: Owned): Promise<void> {
    this.#forget(owned.owner);
    const leave = async (voter: LockStore): Promise<boolean> => {
      await voter.withdraw(owned);
      return true;
    };
    const answers = await poll(this.#quorum.voters, leave, isSettled(this.#quorum.majority));
    this.#quorum.outcome(owned.name, answers, this.#quorum.majority);
  }

  /** Those who have marked it take the mark back when it turns out that most have not. */
  async complete(completion: Completion): Promise<boolean> {
    const { name, owner, retain } = completion;
    const asked = { ...completion, replicas: 0 };
    const answers = await poll(
      this.#quorum.voters,
      (voter) => extraOf(voter, 'complete', 'A mark')(asked),
      isSettled(this.#quorum.majority),
    );
    const done = this.#quorum.outcome(name, answers, this.#quorum.majority);
    const takeBack = ({ voter, answer }: Vote<LockStore, boolean>): void => {
      if (answer) quietly(extraOf(voter, 'unmark', 'A mark')(name, owner));
    };
    if (!done) {
      answers.votes.forEach(takeBack);
      quietly(answers.late.then((votes) => votes.forEach(takeBack)));
    } else if (retain !== undefined) quietly(this.withdraw(completion));
    return done;
  }

  /** One mark is enough: the other servers may have lost theirs. */
  async doneAt(name: string): Promise<number | null> {
    const ask = (voter: LockStore): Promise<number | null> => extraOf(voter, 'doneAt', 'A mark')(name);
    const found = ({ votes }: Tally<LockStore, number | null>): boolean => votes.some(({ answer }) => answer !== null);
    const answers = await poll(this.#quorum.voters, ask, found);
    const mark = answers.votes.find(({ answer }) => answer !== null);
    if (!mark && answers.votes.length < this.#quorum.majority) throw this.#quorum.unavailable(name, answers);
    return mark?.answer ?? null;
  }

  /** Every server has to answer: a mark that is left on one counts. */
  async unmark(name: string, mark: Owner | number): Promise<boolean> {
    const all = this.#quorum.voters.length;
    const unmark = (voter: LockStore, own: Owner | number): Promise<boolean> =>
      extraOf(voter, 'unmark', 'A mark')(name, own);
    if (typeof mark === 'string') return yesIn(await this.#ask(name, all, (voter) => unmark(voter, mark))) > 0;
    const seen = await this.#ask(name, all, (voter) => extraOf(voter, 'doneAt', 'A mark')(name));
    if (!seen.some(({ answer }) => answer === mark)) return false;
    // Each server has a time of its own.
    const times = new Map(seen.map(({ voter, answer }) => [voter, answer]));
    const removed = await this.#ask(name, all, async (voter) => {
      const own = times.get(voter) ?? null;
      return own !== null && unmark(voter, own);
    });
    return yesIn(removed) > 0;
  }

  async requestRelease(name: string): Promise<boolean> {
    const ask = (voter: LockStore): Promise<boolean> => extraOf(voter, 'requestRelease', 'A request for release')(name);
    const answers = await poll(this.#quorum.voters, ask, isSettled(this.#quorum.majority));
    return this.#quorum.outcome(name, answers, this.#quorum.majority);
  }

  async names(prefix: string): Promise<readonly string[]> {
    const list = (voter: LockStore): Promise<readonly string[]> => extraOf(voter, 'names', 'A list of names')(prefix);
    const lists = await this.#ask(undefined, this.#quorum.majority, list);
    return [...new Set(lists.flatMap(({ answer }) => answer))].sort();
  }

  async inspect(name: string): Promise<StoreState> {
    return this.#combine(await this.#look(name));
  }

  async force(name: string, expected: number | null): Promise<boolean> {
    const seen = await this.#look(name);
    if (this.#combine(seen).lastToken !== expected) return false;
    const ended = await Promise.all(seen.map(({ voter, answer }) => voter.force(name, answer.lastToken)));
    return ended.includes(true);
  }

  /** One server's grant is no more than a hint that it may be our turn: the next attempt asks all of them. */
  subscribe(instance: string, listener: StoreListener): () => void {
    const hints: StoreListener = {
      granted: (owner) => listener.nudged(owner),
      revoked: (owner, token) => {
        this.#forget(owner);
        listener.revoked(owner, token);
      },
      nudged: (owner) => listener.nudged(owner),
      releaseRequested: (owner, token) => listener.releaseRequested?.(owner, token),
      reconnected: () => listener.reconnected(),
    };
    const ends = this.#quorum.voters.map((voter) => voter.subscribe(instance, hints));
    return () => {
      for (const end of ends) end();
    };
  }

  async close(): Promise<void> {
    this.#owners.clear();
    await Promise.all(this.#quorum.voters.map((voter) => voter.close?.()));
  }

  #forget(owner: Owner): void {
    this.#owners.delete(owner);
    this.#minorities.forget(owner);
  }

  #look(name: string): Promise<readonly Vote<LockStore, StoreState>[]> {
    return this.#ask(name, this.#quorum.majority, (voter) => voter.inspect(name));
  }

  /** The answers of all who answer, of whom `needed` have to. */
  async #ask<T>(
    name: string | undefined,
    needed: number,
    ask: (voter: LockStore) => Promise<T>,
  ): Promise<readonly Vote<LockStore, T>[]> {
    const answers = await poll(this.#quorum.voters, ask, never);
    if (answers.votes.length < needed) throw this.#quorum.unavailable(name, answers);
    return answers.votes;
  }

  #combine(seen: readonly Vote<LockStore, StoreState>[]): StoreState {
    return quorumState(
      seen.map(({ answer }) => answer),
      this.#quorum.majority,
    );
  }
}
