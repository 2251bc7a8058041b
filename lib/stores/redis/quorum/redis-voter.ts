import { LockUnavailableError } from '../../../core/errors.js';
import type { Busy, Claim, Completion, Granted, Renewal } from '../../../core/lock-store.js';
import { runtime } from '../../../core/runtime.js';
import { within } from '../../../core/timer.js';
import type { Connection } from '../connection.js';
import { keyOf } from '../keys.js';
import { notNow } from '../not-now.js';
import { RedisLockStore, type RedisLockStoreOptions } from '../redis-lock-store.js';
import { bareError } from '../reply-error.js';
import { INTRODUCTION_SCRIPT } from '../scripts/lua.js';
import { Trouble } from '../trouble.js';
import { readIntroduction } from './introduction.js';
import type { VoterStore } from './voter.js';

export interface RedisVoterOptions extends RedisLockStoreOptions {
  /** For how long a server abstains after its start, in ms: no lease from before is left then. */
  readonly abstinence: number;
}

/** Which server answers on one connection. */
interface Seen {
  /** Of the connection: how many were lost before. */
  readonly losses: number;
  readonly runId: string | undefined;
  /** It started no later than this, by our clock, in ms. */
  readonly start: number;
}

/** How long after the answer "not now" it is asked again who it is. */
const LATER_MS = 100;
/** How long after a refusal it is asked again who it is; twice as long after each, up to a minute. */
const REFUSED_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * One server of a quorum. It has no vote for a while after its start: it may have lost what it had granted, and would
 * help a second holder to a majority. What it answers counts only on a connection on which it has told who it is.
 */
export class RedisVoter extends RedisLockStore implements VoterStore {
  readonly #connection: Connection;
  readonly #abstinence: number;
  readonly #patience: number;
  readonly #trouble: Trouble;
  readonly #key: string;
  readonly #listeners: (() => void)[] = [];
  /** The first attempt to connect has ended, well or not. */
  readonly #opened: Promise<void>;
  /** The question on its way. A client that sends it again after a reconnect is not given another one. */
  #looking: Promise<void> | undefined;
  #seen: Seen | undefined;
  #refusals = 0;
  #askAgainAt = 0;
  #problem = 'it has not told yet how long it has been up';

  constructor({ abstinence, ...options }: RedisVoterOptions) {
    super(options);
    this.#connection = options.connection;
    this.#abstinence = abstinence;
    this.#patience = options.commandTimeout;
    this.#trouble = new Trouble(options.logger, 'server');
    this.#key = keyOf(options.namespace, 'quorum');
    this.#opened = new Promise((resolve) => {
      this.#connection.onReady(resolve);
      this.#connection.onLost(resolve);
    });
    this.#connection.onReady(() => this.#lookAnew());
    if (this.#connection.ready) this.#lookAnew();
  }

  get reachable(): boolean {
    return this.#connection.ready;
  }

  get server(): string | undefined {
    return this.#isSeen ? this.#seen?.runId : undefined;
  }

  onReachable(listener: () => void): void {
    this.#connection.onReady(listener);
  }

  onIdentified(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** For the first connection it is worth waiting; not for one that was lost, as long as the others answer. */
  async identify(patience = this.#patience): Promise<void> {
    const connection = this.#connection;
    if (!connection.ready && connection.losses === 0) {
      connection.wake();
      await within(patience, this.#opened);
    }
    if (connection.ready && !this.#isSeen) await within(patience, this.#look());
  }

  override acquire(claim: Claim): Promise<Granted | Busy> {
    return this.#vouched(claim.name, () => {
      const left = Math.ceil((this.#seen?.start ?? 0) + this.#abstinence - runtime.monotonic());
      if (left <= 0) return super.acquire(claim);
      throw abstained(claim.name, `it has started a short while ago, and has no vote for ${left} ms yet`);
    });
  }

  override renew(renewal: Renewal): Promise<boolean> {
    const { token } = renewal;
    return this.#vouched(renewal.name, () =>
      token === undefined ? super.renew(renewal) : this.raise({ ...renewal, token }),
    );
  }

  override complete(completion: Completion): Promise<boolean> {
    return this.#vouched(completion.name, () => super.complete(completion));
  }

  get #isSeen(): boolean {
    return this.#seen?.losses === this.#connection.losses;
  }

  /** The answer of a server that is known. What was sent again after a reconnect may be that of another one. */
  async #vouched<T>(name: string, ask: () => Promise<T>): Promise<T> {
    if (!this.#isSeen) await this.identify();
    if (!this.#connection.ready) throw abstained(name, 'it is not connected');
    if (!this.#isSeen) throw abstained(name, this.#problem);
    const { losses } = this.#connection;
    const answer = await ask();
    if (losses !== this.#connection.losses) throw new LockUnavailableError(name, 'its connection was lost meanwhile');
    return answer;
  }

  /** On a new connection. */
  #lookAnew(): void {
    this.#askAgainAt = 0;
    const { options } = this.#connection.client as { options?: { autoResendUnfulfilledCommands?: unknown } };
    // Such a client answers nothing that was on its way.
    if (options?.autoResendUnfulfilledCommands === false) this.#looking = undefined;
    void this.#look();
  }

  async #look(): Promise<void> {
    if (!this.#looking && runtime.monotonic() < this.#askAgainAt) return;
    this.#looking ??= this.#ask();
    const looking = this.#looking;
    await looking;
    if (this.#looking === looking) this.#looking = undefined;
  }

  async #ask(): Promise<void> {
    const { client } = this.#connection;
    try {
      this.#heard(await client.eval(INTRODUCTION_SCRIPT, 1, this.#key));
    } catch (error) {
      const { message } = bareError(error as Error);
      if (notNow(error as Error)) this.#later(message);
      // On a connection that is lost, that is no refusal.
      else if (this.#connection.ready) this.#refused(message);
    }
  }

  /** Whenever it was asked: it is the server of the connection on which the answer comes. */
  #heard(info: unknown): void {
    const now = runtime.monotonic();
    const told = readIntroduction(info);
    if (!told) {
      this.#refused('its INFO has no uptime_in_seconds');
      return;
    }
    const { runId, up } = told;
    const before = this.#seen;
    let start = now - up;
    if (before && runId !== undefined) {
      // One that came in the place of another may have been up, and have voted, beside it, or its clock may have been set.
      start = runId === before.runId ? before.start : now;
    }
    this.#seen = { losses: this.#connection.losses, runId, start };
    this.#refusals = 0;
    this.#trouble.isOver('It tells how long it has been up, and votes again');
    for (const listener of this.#listeners) listener();
  }

  #later(why: string): void {
    this.#problem = `it does not tell yet how long it has been up (${why})`;
    this.#askAgainAt = runtime.monotonic() + LATER_MS;
  }

  #refused(why: string): void {
    this.#problem = `it does not tell how long it has been up (INFO: ${why})`;
    this.#askAgainAt = runtime.monotonic() + Math.min(REFUSED_MS * 2 ** this.#refusals, LONGEST_MS);
    this.#refusals += 1;
    this.#trouble.begins(
      `It has no vote, since it does not tell how long it has been up (${why}). ` +
        'Allow its user INFO, also in scripts (`+info`).',
    );
  }
}

function abstained(name: string, problem: string): LockUnavailableError {
  return new LockUnavailableError(name, problem, { uncertain: false });
}
