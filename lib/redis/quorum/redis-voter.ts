import { LockUnavailableError } from '../../core/errors.js';
import type { Busy, Claim, Granted, Renewal } from '../../core/lock-store.js';
import { runtime } from '../../core/runtime.js';
import { within } from '../../core/timer.js';
import type { Connection } from '../connection.js';
import { RedisLockStore, type RedisLockStoreOptions } from '../redis-lock-store.js';

export interface RedisVoterOptions extends RedisLockStoreOptions {
  /** For how long a server abstains after its start, in ms: no lease from before is left then. */
  readonly abstinence: number;
}

/**
 * One server of a quorum. It has no vote for a while after its start: it may have lost what it had granted, and would
 * help a second holder to a majority.
 */
export class RedisVoter extends RedisLockStore {
  readonly #connection: Connection;
  readonly #abstinence: number;
  readonly #patience: number;
  #opened: Promise<unknown> | undefined;
  /** When it started, by our clock, in ms; known for one connection, which breaks when it starts anew. */
  #start: { readonly losses: number; readonly at: number } | undefined;
  #asking: Promise<unknown> | undefined;

  constructor({ abstinence, ...options }: RedisVoterOptions) {
    super(options);
    this.#connection = options.connection;
    this.#abstinence = abstinence;
    this.#patience = options.commandTimeout;
  }

  override async acquire(claim: Claim): Promise<Granted | Busy> {
    const { name } = claim;
    if (!this.#connection.ready) await this.#firstConnection();
    if (!this.#connection.ready) throw abstained(name, 'it is not connected');
    const { losses } = this.#connection;
    if (this.#start?.losses !== losses) await this.#askOnce();
    if (this.#start?.losses !== losses) throw abstained(name, 'it does not tell how long it has been up (INFO)');
    const left = Math.ceil(this.#start.at + this.#abstinence - runtime.monotonic());
    if (left > 0) throw abstained(name, `it has started a short while ago, and has no vote for ${left} ms yet`);
    const answer = await super.acquire(claim);
    // What was sent again after a reconnect may have been granted by a server that has lost everything.
    if (losses !== this.#connection.losses) throw new LockUnavailableError(name, 'its connection was lost meanwhile');
    return answer;
  }

  override renew(renewal: Renewal): Promise<boolean> {
    return renewal.token === undefined ? super.renew(renewal) : this.raise({ ...renewal, token: renewal.token });
  }

  /** For that it is worth waiting, once; not for one that was lost, as long as the others answer. */
  #firstConnection(): Promise<unknown> {
    this.#opened ??= within(this.#patience, new Promise<void>((resolve) => this.#connection.onReady(resolve)));
    this.#connection.wake();
    return this.#opened;
  }

  /** All who want to know wait for one answer. */
  #askOnce(): Promise<unknown> {
    this.#asking ??= within(this.#patience, this.#askStart()).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askStart(): Promise<void> {
    const { client, losses } = this.#connection;
    const info = await client.info?.('server').catch(() => undefined);
    const [, seconds] = /^uptime_in_seconds:(\d+)/m.exec(String(info)) ?? [];
    // On a connection that was lost meanwhile, the answer may be that of another start.
    if (seconds === undefined || losses !== this.#connection.losses) return;
    this.#start = { losses, at: runtime.monotonic() - Number(seconds) * 1_000 };
  }
}

function abstained(name: string, problem: string): LockUnavailableError {
  return new LockUnavailableError(name, problem, { uncertain: false });
}
