import type {
  Busy,
  Claim,
  Granted,
  LockStore,
  Owned,
  Owner,
  Renewal,
  StoreListener,
  StoreState,
} from '../../core/lock-store.js';
import { after } from '../../core/timer.js';
import { Minorities } from './minorities.js';
import { isSettled, type Poll, poll, type Tally, type Vote } from './poll.js';
import { Quorum } from './quorum.js';
import { quorumState } from './quorum-state.js';
import { commonHolder, refusal } from './refusal.js';

/** A server's lease is longer than the holder counts, by what its clock may run faster: 1 %, and 2 ms for its steps. */
export function withDrift(ttl: number): number {
  return Math.ceil(ttl * 1.01) + 2;
}

type Answer = Granted | Busy;
/** `isSplit`: nobody has most of the votes. */
type Refusal = Busy & { readonly isSplit?: boolean };
type Grant = Vote<LockStore, Granted>;

/**
 * The port on several independent stores: a lock is held by whoever holds it in most of them. The algorithm is Redlock
 * (https://redis.io/docs/latest/develop/use/patterns/distributed-locks/), with queues, with fencing tokens that grow
 * from one quorum to the next, and with voters that abstain after a restart. docs/quorum.md has the arguments.
 */
export class QuorumLockStore implements LockStore {
  readonly #quorum: Quorum;
  readonly #minorities = new Minorities();
  /** Those who want the lock, or have it. */
  readonly #owners = new Set<Owner>();

  constructor(voters: readonly LockStore[]) {
    this.#quorum = new Quorum(voters);
  }

  async acquire(claim: Claim): Promise<Granted | Busy> {
    const { owner, alive } = claim;
    this.#owners.add(owner);
    let wanted = false;
    try {
      const answer = await (alive > 0 ? this.#attempt(claim) : this.#tryToAcquire(claim));
      wanted = answer.granted || answer.ticket > 0;
      return answer;
    } finally {
      if (!wanted) this.#forget(owner);
    }
  }

  /** Claims that come at the same moment may split the votes: then one of those that try again gets them all. */
  async #tryToAcquire(claim: Claim): Promise<Granted | Busy> {
    for (const giveUpAt = performance.now() + SPLIT_MS; ; await sleep(this.#minorities.backOff(claim.owner))) {
      const answer = await this.#attempt(claim);
      if (answer.granted || !answer.isSplit || performance.now() > giveUpAt) return answer;
    }
  }

  async #attempt(claim: Claim): Promise<Granted | Refusal> {
    const needed = this.#quorum.votesFor(claim.permits);
    const asked = { ...claim, ttl: withDrift(claim.ttl), replicas: 0 };
    const since = performance.now();
    const isDecided = ({ votes, missing }: Tally<LockStore, Answer>): boolean => {
      const granted = grantsIn(votes).length;
      // Holders whose shares overlap have one token as long as all servers have a say in it.
      return granted + missing < needed || (granted >= needed && claim.permits === 0);
    };
    const answers = await poll(this.#quorum.voters, (voter) => voter.acquire(asked), isDecided);
    quietly(answers.late.then((votes) => this.#giveBackLate(claim, grantsIn(votes))));
    const grant = await this.#confirm(asked, answers, needed);
    if (!grant) return this.#refuse(claim, answers, performance.now() - since);
    this.#minorities.forget(claim.owner);
    return grant;
  }

  /** A server may have been asked after all was over, when it was connected again, say. */
  #giveBackLate({ name, owner }: Claim, grants: readonly Grant[]): void {
    if (this.#owners.has(owner)) return;
    for (const { voter } of grants) quietly(voter.withdraw({ name, owner }));
  }

  #forget(owner: Owner): void {
    this.#owners.delete(owner);
    this.#minorities.forget(owner);
  }

  async renew(renewal: Renewal): Promise<boolean> {
    const { name, owner, permits = 0 } = renewal;
    const needed = this.#quorum.votesFor(permits);
    const asked = { ...renewal, ttl: withDrift(renewal.ttl), replicas: 0 };
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

  async release(owned: Owned & { retain: number }): Promise<boolean> {
    this.#forget(owned.owner);
    const answers = await poll(
      this.#quorum.voters,
      (voter) => {
        const released = voter.release(owned);
        // Where it was won without this one's vote, we may stand in the queue still.
        quietly(voter.withdraw(owned));
        return released;
      },
      isSettled(this.#quorum.majority),
    );
    return this.#quorum.outcome(owned.name, answers, this.#quorum.majority);
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
      revoked: (owner) => {
        this.#forget(owner);
        listener.revoked(owner);
      },
      nudged: (owner) => listener.nudged(owner),
      reconnected: () => listener.reconnected(),
    };
    const ends = this.#quorum.voters.map((voter) => voter.subscribe(instance, hints));
    return () => {
      for (const end of ends) end();
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#quorum.voters.map((voter) => voter.close?.()));
  }

  /**
   * The grant, if it has been won, and once most servers know its token: whoever is granted the lock next gets a higher
   * one from one of them.
   */
  async #confirm(asked: Claim, { votes }: Tally<LockStore, Answer>, needed: number): Promise<Granted | undefined> {
    const grants = grantsIn(votes);
    if (grants.length < needed) return undefined;
    const { answer } = grants.reduce((one, other) => (other.answer.token > one.answer.token ? other : one));
    const block = Math.min(answer.block, asked.block);
    const voters = grants.map(({ voter }) => voter);
    const tell = (voter: LockStore): Promise<boolean> => voter.renew({ ...asked, token: answer.token, block });
    // Those whose grant is on its way still are told as well, and then give the same token whenever they are asked.
    for (const voter of this.#quorum.voters) if (!voters.includes(voter)) quietly(tell(voter));
    const answers = await poll(voters, tell, asked.permits === 0 ? isSettled(needed) : never);
    return this.#quorum.outcome(asked.name, answers, needed)
      ? { granted: true, token: answer.token, block }
      : undefined;
  }

  async #refuse(claim: Claim, answers: Poll<LockStore, Answer>, took: number): Promise<Refusal> {
    const { name, owner, alive, permits } = claim;
    const grants = grantsIn(answers.votes);
    const refusals = answers.votes.map(({ answer }) => answer).filter((answer) => !answer.granted);
    if (refusals.length === 0 || answers.votes.length + answers.missing < this.#quorum.majority) {
      throw this.#quorum.unavailable(name, answers);
    }
    const busy = refusal(refusals, this.#quorum.votesFor(permits) - grants.length);
    if (
      alive > 0 &&
      refusals.filter(({ ticket }) => ticket === 0).length > this.#quorum.voters.length - this.#quorum.majority
    ) {
      quietly(this.withdraw({ name, owner }));
      return { ...busy, ticket: 0 };
    }
    const isSplit = grants.length > 0 && commonHolder(refusals).count < this.#quorum.majority;
    if (isSplit && alive > 0 && this.#minorities.mayKeep(owner, took)) return { ...busy, retryAfter: 0, rank: 0 };
    const late = alive === 0 ? grantsIn(await answers.late) : [];
    // Done before the next attempt begins, so that it takes back nothing that is won then.
    await Promise.allSettled([...grants, ...late].map(({ voter }) => voter.withdraw({ name, owner })));
    if (!isSplit) return busy;
    return { ...busy, retryAfter: this.#minorities.backOff(owner), rank: 0, isSplit };
  }

  async #look(name: string): Promise<readonly Vote<LockStore, StoreState>[]> {
    const answers = await poll(this.#quorum.voters, (voter) => voter.inspect(name), never);
    if (answers.votes.length < this.#quorum.majority) throw this.#quorum.unavailable(name, answers);
    return answers.votes;
  }

  #combine(seen: readonly Vote<LockStore, StoreState>[]): StoreState {
    return quorumState(
      seen.map(({ answer }) => answer),
      this.#quorum.majority,
    );
  }
}

/** How long a claim that does not wait tries again as long as the votes are split. */
const SPLIT_MS = 500;
const WITHOUT_WAIT = { alive: 0, ticket: 0, attempt: 0, block: 1 };

/** For a poll that waits for all. */
const never = (): boolean => false;

function grantsIn(votes: readonly Vote<LockStore, Answer>[]): Grant[] {
  return votes.filter((vote): vote is Grant => vote.answer.granted);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => void after(ms, resolve, { awaited: true }));
}

/** What is given back by the end of its lease anyway. */
function quietly(promise: Promise<unknown>): void {
  promise.catch(() => {});
}
