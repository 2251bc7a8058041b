import { LockUnavailableError } from '../../../core/errors.js';
import type {
  Busy,
  Claim,
  Completion,
  Granted,
  LockStore,
  Owned,
  ReleaseAnswer,
  Renewal,
} from '../../../core/lock-store.js';
import { runtime } from '../../../core/runtime.js';
import { extraOf } from '../../../core/store-calls.js';
import { type Reach, Stakes } from './stakes.js';

/** A store that is one server, and what it may tell beside the port. */
export interface VoterStore extends LockStore, Reach {
  /** Which server answers on the present connection; undefined where that is not known. */
  readonly server?: string | undefined;
  /** Resolves when `server` is known, or will not be known soon; waits no longer than `patience`, in ms. */
  identify?(patience?: number): Promise<void>;
  /** Calls `listener` each time that `server` is known anew. */
  onIdentified?(listener: () => void): void;
}

export type Release = Owned & { readonly retain: number };
export type ReleaseAnswers = Map<Voter, ReleaseAnswer>;

/** An attempt of an owner that nobody wants must not leave its mark for longer than it can be asked for. */
const MARKING_MS = 3_600_000;

/** One of the servers of a quorum, which is told when nobody wants its vote any more, however often that takes. */
export class Voter {
  readonly store: VoterStore;
  /** Beginning at 1, as the servers stand in the option `quorum`. */
  readonly position: number;
  readonly #before: readonly Voter[];
  readonly #stakes: Stakes;

  /** `before`: those that stand before this one. */
  constructor(store: VoterStore, before: readonly Voter[]) {
    this.store = store;
    this.position = before.length + 1;
    this.#before = before;
    this.#stakes = new Stakes(store);
  }

  /** Which server it is, as far as that is known. */
  get server(): string | undefined {
    return this.store.server;
  }

  /** How many owners it may have something of. */
  get stakes(): number {
    return this.#stakes.size;
  }

  acquire(claim: Claim): Promise<Granted | Busy> {
    const leaves = (answer: Granted | Busy): boolean => answer.granted || answer.ticket > 0;
    return this.#stakes.ask(claim.owner, claim.ttl + claim.alive, leaves, async () => {
      this.#assertVote(claim.name);
      return this.store.acquire(claim);
    });
  }

  async renew(renewal: Renewal): Promise<boolean> {
    this.#stakes.extend(renewal.owner, renewal.ttl);
    this.#assertVote(renewal.name);
    return this.store.renew(renewal);
  }

  /** `answers`: what the servers have answered to this release; an answer that comes later is noted there, too. */
  async release({ name, owner, retain }: Release, answers: ReleaseAnswers): Promise<ReleaseAnswer> {
    const known = answers.get(this);
    if (known !== undefined) return known;
    const retainedUntil = runtime.monotonic() + retain;
    return this.#stakes.takeBack(owner, async () => {
      this.#assertVote(name);
      const rest = retain > 0 ? Math.max(0, Math.ceil(retainedUntil - runtime.monotonic())) : 0;
      const released = this.store.release({ name, owner, retain: rest });
      // Where the lock was won without this vote, the owner may stand in the queue still.
      const left = settled(this.store.withdraw({ name, owner }));
      const answer = await released;
      if (!answers.has(this)) answers.set(this, answer);
      if (!(await left)) await this.store.withdraw({ name, owner });
      return answers.get(this) ?? answer;
    });
  }

  withdraw({ name, owner }: Owned): Promise<void> {
    return this.#stakes.takeBack(owner, async () => {
      this.#assertVote(name);
      await this.store.withdraw({ name, owner });
    });
  }

  /** As `withdraw`, but asks only a server that may have something. */
  async leave(owned: Owned): Promise<void> {
    if (this.#stakes.has(owned.owner)) await this.withdraw(owned);
  }

  complete(completion: Completion): Promise<boolean> {
    const complete = extraOf(this.store, 'complete', 'A mark');
    const life = Math.min(completion.remember, MARKING_MS);
    return this.#stakes.ask(markOf(completion), life, Boolean, async () => {
      this.#assertVote(completion.name);
      return complete(completion);
    });
  }

  /** The mark stays. */
  keepMark(owned: Owned): void {
    this.#stakes.forget(markOf(owned));
  }

  async takeBackMark(owned: Owned): Promise<void> {
    const key = markOf(owned);
    const unmark = extraOf(this.store, 'unmark', 'A mark');
    if (this.#stakes.has(key)) await this.#stakes.takeBack(key, async () => unmark(owned.name, owned.owner));
  }

  async close(): Promise<void> {
    this.#stakes.clear();
    await this.store.close?.();
  }

  /** Resolves when nothing is on its way that takes something back. */
  idle(): Promise<void> {
    return this.#stakes.idle();
  }

  /** A server that is reached as another one, too, votes as that one. */
  #assertVote(name: string): void {
    const { server } = this;
    const twin = this.#before.find((other) => server !== undefined && other.server === server);
    if (!twin) return;
    const problem = `server ${this.position} of the option \`quorum\` is the same as server ${twin.position}`;
    throw new LockUnavailableError(name, problem, { uncertain: false });
  }
}

function markOf({ owner }: Owned): string {
  return `mark of ${owner}`;
}

function settled(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
