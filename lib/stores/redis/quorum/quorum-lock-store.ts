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
  StoreNote,
  StoreState,
  StoreStatus,
} from '../../../core/lock-store.js';
import type { LockLogger } from '../../../core/logger.js';
import { runtime } from '../../../core/runtime.js';
import { extraOf } from '../../../core/store-calls.js';
import { pause, within } from '../../../core/timer.js';
import { Absence } from './absence.js';
import { Ballot } from './ballot.js';
import * as operators from './for-operators.js';
import { Minorities } from './minorities.js';
import { isSettled, never, poll, quietly, type Tally, type Vote, yesIn } from './poll.js';
import { forVoters, Quorum } from './quorum.js';
import { quorumState } from './quorum-state.js';
import { Roll } from './roll.js';
import { Swept } from './swept.js';
import { type Release, type ReleaseAnswers, Voter, type VoterStore } from './voter.js';

/** For a vote that was lost. */
const WITHOUT_WAIT = { alive: 0, ticket: 0, attempt: 0, block: 1 };
/** So often a voter is asked whose other hold is about to end. */
const RETAKES = 3;
/** How long closing waits for what is being taken back. */
const CLOSE_PATIENCE_MS = 500;

/** A voter cannot tell whether the release that it has carried out is this one: no vote. */
class Untold extends Error {}

interface Candidate {
  readonly key: Owner;
  readonly name: string;
  readonly permits: number;
  /** By when it is over unless it asks for something more. */
  over: number;
  /** What it has. */
  grant: Granted | undefined;
}

/** A release that is not decided yet, and is asked for again then. */
interface Releasing {
  readonly key: Owner;
  /** By when nobody asks for it again. */
  readonly over: number;
  readonly answers: ReleaseAnswers;
}

export interface QuorumStoreOptions {
  /** How long a claim waits for most of the voters to come back, in ms. Default 0. */
  readonly patience?: number;
  readonly logger?: LockLogger | undefined;
}

/**
 * The port on several independent stores: a lock is held by whoever holds it in most of them. The algorithm is Redlock
 * (https://redis.io/docs/latest/develop/use/patterns/distributed-locks/), with queues, with fencing tokens that grow
 * from one quorum to the next, and with voters that abstain after a restart. docs/quorum.md has the arguments.
 */
export class QuorumLockStore implements LockStore {
  readonly #quorum: Quorum;
  readonly #stores: readonly VoterStore[];
  readonly #roll: Roll;
  readonly #patience: number;
  readonly #absence: Absence;
  readonly #minorities = new Minorities();
  /** Those who want the lock, or have it. */
  readonly #owners = new Swept<Candidate>(({ over }, now) => now > over);
  readonly #releasing = new Swept<Releasing>(({ over }, now) => now > over);

  constructor(stores: readonly VoterStore[], { patience = 0, logger }: QuorumStoreOptions = {}) {
    const voters: Voter[] = [];
    this.#stores = stores;
    for (const store of stores) voters.push(new Voter(store, [...voters]));
    this.#quorum = new Quorum(voters);
    this.#roll = new Roll(voters, patience, logger);
    this.#patience = patience;
    this.#absence = new Absence(patience);
  }

  /** How many owners each voter may have something of. */
  get stakes(): readonly number[] {
    return this.#quorum.voters.map(({ stakes }) => stakes);
  }

  async acquire(claim: Claim, isWanted = (): boolean => true): Promise<Granted | Busy> {
    const { name, owner } = claim;
    await this.#roll.call();
    const candidate = this.#candidate(claim);
    const lacking = new Set<Voter>();
    let wanted = false;
    try {
      const answer = await new Ballot(claim, {
        quorum: this.#quorum,
        minorities: this.#minorities,
        absence: this.#absence,
        isWanted: () => this.#owners.get(owner) === candidate && isWanted(),
        lacks: (voter) => (candidate.grant ? quietly(this.#retake(voter, claim)) : void lacking.add(voter)),
      }).run();
      if (answer.granted) this.#won(owner, candidate, answer);
      // A server that had not heard of the release before, say: with its vote the lock bears the loss of another one.
      if (answer.granted) for (const voter of lacking) quietly(this.#retake(voter, claim));
      wanted = answer.granted || answer.ticket > 0;
      return answer;
    } finally {
      if (!wanted) this.#giveUp({ name, owner });
    }
  }

  async renew(renewal: Renewal): Promise<boolean> {
    const { name, owner, permits = 0 } = renewal;
    const needed = this.#quorum.votesFor(permits);
    const candidate = this.#owners.get(owner);
    if (candidate) candidate.over = Math.max(candidate.over, runtime.monotonic() + renewal.ttl);
    const answers = await poll(this.#quorum.voters, (voter) => voter.renew(forVoters(renewal)), isSettled(needed));
    const ours = this.#quorum.outcome(name, answers, needed);
    if (ours) {
      const retake = ({ voter, answer }: Vote<Voter, boolean>): void => {
        if (!answer) quietly(this.#retake(voter, renewal));
      };
      answers.votes.forEach(retake);
      quietly(answers.late.then((votes) => votes.forEach(retake)));
    } else this.#giveUp({ name, owner });
    return ours;
  }

  /** Whoever is told that nothing is known asks again, and a server that has released answers only once. */
  async release(owned: Release): Promise<ReleaseAnswer> {
    const { name, owner } = owned;
    const releasing = this.#releasing.get(owner) ?? this.#beginRelease(owner);
    const { voters, majority } = this.#quorum;
    const release = async (voter: Voter): Promise<boolean> => {
      const answer = await voter.release(owned, releasing.answers);
      if (answer === 'unknown') throw new Untold();
      return answer;
    };
    const answers = await poll(voters, release, isSettled(majority));
    try {
      const ours = this.#quorum.outcome(name, answers, majority);
      this.#releasing.delete(releasing);
      return ours;
    } catch (error) {
      const isTold = answers.missing > 0 || answers.errors.some((each) => !(each instanceof Untold));
      if (isTold) throw error;
      // All have answered, and it is not ours any more.
      this.#releasing.delete(releasing);
      return 'unknown';
    }
  }

  async withdraw(owned: Owned): Promise<void> {
    this.#forget(owned.owner);
    const leave = async (voter: Voter): Promise<boolean> => {
      await voter.withdraw(owned);
      return true;
    };
    const answers = await poll(this.#quorum.voters, leave, isSettled(this.#quorum.majority));
    this.#quorum.outcome(owned.name, answers, this.#quorum.majority);
  }

  /** Those who have marked it take the mark back when it turns out that most have not. */
  async complete(completion: Completion): Promise<boolean> {
    const { name, owner, retain } = completion;
    const { voters, majority } = this.#quorum;
    const asked = { ...completion, replicas: 0 };
    const answers = await poll(voters, (voter) => voter.complete(asked), isSettled(majority));
    const done = this.#quorum.outcome(name, answers, majority);
    for (const voter of voters) {
      if (done) voter.keepMark(completion);
      else quietly(voter.takeBackMark(completion));
    }
    const isLost = !done && this.#owners.get(owner)?.permits === 0;
    if (isLost || (done && retain !== undefined)) this.#giveUp({ name, owner });
    return done;
  }

  /** One mark is enough: the other servers may have lost theirs. */
  async doneAt(name: string): Promise<number | null> {
    await this.#roll.call();
    const ask = (voter: Voter): Promise<number | null> => extraOf(voter.store, 'doneAt', 'A mark')(name);
    const found = ({ votes }: Tally<Voter, number | null>): boolean => votes.some(({ answer }) => answer !== null);
    return this.#absence.outlast(async () => {
      const answers = await poll(this.#quorum.voters, ask, found);
      const mark = answers.votes.find(({ answer }) => answer !== null);
      if (!mark && answers.votes.length < this.#quorum.majority) throw this.#quorum.unavailable(name, answers);
      return mark?.answer ?? null;
    });
  }

  /** Every server has to answer: a mark that is left on one counts. */
  async unmark(name: string, mark: Owner | number): Promise<boolean> {
    const all = this.#quorum.voters.length;
    const unmark = (voter: Voter, own: Owner | number): Promise<boolean> =>
      extraOf(voter.store, 'unmark', 'A mark')(name, own);
    if (typeof mark === 'string') return yesIn(await this.#ask(name, all, (voter) => unmark(voter, mark))) > 0;
    const seen = await this.#ask(name, all, (voter) => extraOf(voter.store, 'doneAt', 'A mark')(name));
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
    await this.#roll.call();
    const ask = (voter: Voter): Promise<boolean> =>
      extraOf(voter.store, 'requestRelease', 'A request for release')(name);
    return this.#absence.outlast(async () => {
      const answers = await poll(this.#quorum.voters, ask, isSettled(this.#quorum.majority));
      return this.#quorum.outcome(name, answers, this.#quorum.majority);
    });
  }

  async names(prefix: string): Promise<readonly string[]> {
    const list = (voter: Voter): Promise<readonly string[]> => extraOf(voter.store, 'names', 'A list of names')(prefix);
    const lists = await this.#absence.outlast(() => this.#ask(undefined, this.#quorum.majority, list));
    return [...new Set(lists.flatMap(({ answer }) => answer))].sort();
  }

  async inspect(name: string): Promise<StoreState> {
    return this.#combine(await this.#look(name));
  }

  async force(name: string, expected: number | null): Promise<boolean> {
    const seen = await this.#look(name);
    if (this.#combine(seen).lastToken !== expected) return false;
    const ended = await Promise.all(seen.map(({ voter, answer }) => voter.store.force(name, answer.lastToken)));
    return ended.includes(true);
  }

  /** One server's grant is no more than a hint that it may be our turn: the next attempt asks all of them. */
  ask(instances: readonly string[], question: string, ms: number): Promise<ReadonlyMap<string, string>> {
    return operators.ask(this.#stores, instances, question, ms);
  }

  note(texts: readonly string[], keep: number): Promise<void> {
    return operators.note(this.#stores, texts, keep);
  }

  notes(since: number): Promise<readonly StoreNote[]> {
    return operators.notes(this.#stores, since);
  }

  status(): StoreStatus {
    return operators.status(this.#stores);
  }

  subscribe(instance: string, listener: StoreListener): () => void {
    const hints: StoreListener = {
      granted: (owner) => listener.nudged(owner),
      revoked: (owner, token) => {
        // What comes late of an earlier vote says nothing of this hold.
        const { name, grant } = this.#owners.get(owner) ?? {};
        if (grant && token !== undefined && token < grant.token) return;
        if (grant && name !== undefined) this.#giveUp({ name, owner });
        listener.revoked(owner, token);
      },
      nudged: (owner) => listener.nudged(owner),
      releaseRequested: (owner, token) => listener.releaseRequested?.(owner, token),
      reconnected: () => listener.reconnected(),
      asked: (question) => listener.asked?.(question),
    };
    const ends = this.#quorum.voters.map(({ store }) => store.subscribe(instance, hints));
    return () => {
      for (const end of ends) end();
    };
  }

  async close(): Promise<void> {
    const { voters } = this.#quorum;
    await within(CLOSE_PATIENCE_MS, Promise.all(voters.map((voter) => voter.idle())));
    await Promise.all(voters.map((voter) => voter.close()));
  }

  #candidate({ name, owner, permits, ttl, alive }: Claim): Candidate {
    const candidate = this.#owners.get(owner) ?? { key: owner, name, permits, over: 0, grant: undefined };
    candidate.over = runtime.monotonic() + this.#patience + ttl + alive;
    // What is said from now on of an earlier one does not mean what is asked for.
    candidate.grant = undefined;
    if (this.#owners.get(owner) !== candidate) this.#owners.add(candidate);
    return candidate;
  }

  #beginRelease(owner: Owner): Releasing {
    const over = this.#owners.get(owner)?.over ?? runtime.monotonic();
    const releasing = { key: owner, over, answers: new Map() };
    this.#forget(owner);
    this.#releasing.add(releasing);
    return releasing;
  }

  #won(owner: Owner, candidate: Candidate, grant: Granted): void {
    candidate.grant = grant;
    this.#minorities.forget(owner);
    this.#roll.open();
  }

  /**
   * A voter that has lost it, after a restart say, or never had it, gets it, and counts from the next renewal on. One that
   * has another hold still, which ends before that renewal, is asked again then.
   */
  async #retake(voter: Voter, renewal: Renewal, tries = RETAKES): Promise<void> {
    const { owner, ttl, permits = 0 } = renewal;
    const asked = { ...forVoters(renewal), permits };
    const grant = this.#owners.get(owner)?.grant;
    if (!grant) return;
    const answer = await voter.acquire({ ...asked, ...WITHOUT_WAIT });
    // As those have it that have voted from the beginning.
    if (answer.granted) {
      await voter.renew({ ...asked, token: grant.token, block: grant.block });
      return;
    }
    const { retryAfter } = answer;
    if (retryAfter === null || retryAfter > ttl / 3 || tries <= 1) return;
    await pause(retryAfter + 1, { awaited: false });
    if (this.#owners.get(owner)?.grant === grant) await this.#retake(voter, renewal, tries - 1);
  }

  /** Nobody wants it any more, and nobody waits for the servers to know. */
  #giveUp(owned: Owned): void {
    this.#forget(owned.owner);
    for (const voter of this.#quorum.voters) quietly(voter.leave(owned));
  }

  #forget(owner: Owner): void {
    const candidate = this.#owners.get(owner);
    if (candidate) this.#owners.delete(candidate);
    this.#minorities.forget(owner);
  }

  #look(name: string): Promise<readonly Vote<Voter, StoreState>[]> {
    return this.#absence.outlast(() => this.#ask(name, this.#quorum.majority, ({ store }) => store.inspect(name)));
  }

  /** The answers of all who answer, of whom `needed` have to. */
  async #ask<T>(
    name: string | undefined,
    needed: number,
    ask: (voter: Voter) => Promise<T>,
  ): Promise<readonly Vote<Voter, T>[]> {
    await this.#roll.call();
    const answers = await poll(this.#quorum.voters, ask, never);
    if (answers.votes.length < needed) throw this.#quorum.unavailable(name, answers);
    return answers.votes;
  }

  #combine(seen: readonly Vote<Voter, StoreState>[]): StoreState {
    return quorumState(
      seen.map(({ answer }) => answer),
      this.#quorum.majority,
    );
  }
}
