import type { Connection } from './connection.js';
import { LOCK_SCRIPT, LOCK_SCRIPT_SHA } from './lock-script.js';

/** The number of keys, the keys, and the rest. */
export type ScriptArguments = readonly [number, ...string[]];

/** Calls the script on one connection: by its hash, and with its text where the server does not know it. */
export class ScriptCaller {
  readonly #connection: Connection;
  readonly #commandTimeout: number;
  /** The text is on its way; never rejects. */
  #loading: Promise<unknown> | undefined;

  /** `commandTimeout`: how long one call may take, in ms. */
  constructor(connection: Connection, commandTimeout: number) {
    this.#connection = connection;
    this.#commandTimeout = commandTimeout;
  }

  /** `isWanted`: whether the call may still be sent. Where the server does not know the script, nothing has run. */
  call(args: ScriptArguments, isWanted: () => boolean): Promise<unknown> {
    return this.#callByHash(args).catch((error: Error) => this.#withText(error, args, isWanted));
  }

  /**
   * The call, and `WAIT` behind it on the same connection: ioredis sends a pipeline as a whole, and rejects the rest of
   * it when the connection breaks in between. Where the server does not know the script, the text goes along. A pipeline
   * follows no redirect, so the call alone does that. When only one of the two has run, both go again: `WAIT` alone would
   * wait for nothing, and every operation that waits may be repeated.
   */
  async callWithReplicas(
    args: ScriptArguments,
    replicas: number,
    isWanted: () => boolean,
  ): Promise<{ reply: unknown; copies: number }> {
    let isUnknown = false;
    let hasRun = false;
    for (let attempt = 1; ; attempt += 1) {
      const [[error, reply], [unwaited, copies]] = await this.#sendWithWait(args, replicas, isUnknown);
      if (!error && !unwaited) return { reply, copies: Number(copies) };
      hasRun ||= !error;
      const reason = whyAgain(error);
      // What has run once is not refused by what the repeat is answered.
      const problem = hasRun ? new Error(`WAIT: ${(error ?? unwaited)?.message}`) : error;
      if (!reason || attempt > 2 || !isWanted()) throw problem;
      if (reason === 'NOSCRIPT') isUnknown = true;
      // With `WAIT`: a client that reconnects on READONLY has sent the call again, and not the rest.
      else if (reason !== 'WAIT') await this.call(args, isWanted);
    }
  }

  /** What became of the call, and of `WAIT`. */
  async #sendWithWait(args: ScriptArguments, replicas: number, withText: boolean): Promise<[Reply, Reply]> {
    const pipeline = this.#connection.client.pipeline?.();
    const call = withText ? pipeline?.eval(LOCK_SCRIPT, ...args) : pipeline?.evalsha(LOCK_SCRIPT_SHA, ...args);
    const replies = await call?.wait(replicas, Math.ceil(this.#commandTimeout / 2)).exec();
    if (replies?.length === 2) return replies as [Reply, Reply];
    throw new Error('the client has no pipeline(), which the option `replicas` needs');
  }

  #callByHash(args: ScriptArguments): Promise<unknown> {
    return this.#connection.client.evalsha(LOCK_SCRIPT_SHA, ...args);
  }

  /** The text is long: of the calls that come together, one takes it along. The nodes of a Cluster each need it. */
  async #withText(error: Error, args: ScriptArguments, isWanted: () => boolean): Promise<unknown> {
    if (!isWanted() || !error.message.startsWith('NOSCRIPT')) throw error;
    if (!this.#loading || this.#connection.isCluster) return this.#load(args);
    await this.#loading;
    if (!isWanted()) throw error;
    return this.#callByHash(args).catch((again: Error) => {
      if (!isWanted() || !again.message.startsWith('NOSCRIPT')) throw again;
      return this.#load(args);
    });
  }

  #load(args: ScriptArguments): Promise<unknown> {
    const call = this.#connection.client.eval(LOCK_SCRIPT, ...args);
    const loading = call
      .catch(() => {})
      .then(() => {
        if (this.#loading === loading) this.#loading = undefined;
      });
    this.#loading = loading;
    return call;
  }
}

type Reply = [error: Error | null, reply: unknown];

/** Why a call that waits for replicas goes again; `error`: that of the call itself, without which it has run. */
function whyAgain(error: Error | null): string | undefined {
  return error ? /^(NOSCRIPT|MOVED|ASK) /.exec(error.message)?.[1] : 'WAIT';
}
