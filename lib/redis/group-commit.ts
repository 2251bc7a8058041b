import { LockUnavailableError } from '../core/errors.js';
import type { Owner } from '../core/lock-store.js';
import { outside } from '../core/outside.js';
import { Registry } from '../core/registry.js';
import { runtime } from '../core/runtime.js';
import { after } from '../core/timer.js';
import { Batch } from './batch.js';
import type { Connection } from './connection.js';
import { furtherKeysOf, keyOf } from './keys.js';
import { LOCK_SCRIPT, LOCK_SCRIPT_SHA, type Operation, readReplies } from './lock-script.js';
import type { ReleaseTraces } from './release-traces.js';
import { bareError, isReplyError, replyError } from './reply-error.js';

/** Small enough that client and server work at the same time; one big batch makes them take turns. */
const BATCH = 16;

export interface GroupCommitOptions {
  readonly namespace: string;
  /** What stands before an instance in the name of its channel. */
  readonly channelPrefix: string;
  /** How long one command may take, in ms. */
  readonly timeout: number;
  readonly traces: ReleaseTraces;
}

/** One operation on its way. */
export interface Submission<T> {
  readonly name: string;
  readonly operation: Operation;
  /** Throws for what is no reply to it. `copies`: how many of the `replicas` have what was written. */
  readonly decode: (reply: string, copies: number) => T;
  /** While Redis is away, wait for it; false: reject at once. Default true. */
  readonly patient?: boolean;
  readonly replicas?: number;
  /** Whose hold it ends. */
  readonly releases?: Owner;
}

/**
 * Operations of one tick travel together, as one script call for each batch. Nothing is handed to the client while it
 * is not connected: what was never sent certainly did not run.
 */
export class GroupCommit {
  /** The instance that most owners belong to; each call names it once. */
  instance = '';
  readonly #connection: Connection;
  readonly #options: GroupCommitOptions;
  /** Not sent yet. */
  #waiting: Batch[] = [];
  /** Those of this tick that have room: on a Cluster one for each name, elsewhere one. */
  #open = new Registry<string, Batch>();
  readonly #inFlight: Batch[] = [];
  #scheduled = false;

  constructor(connection: Connection, options: GroupCommitOptions) {
    this.#connection = connection;
    this.#options = options;
    connection.onReady(() => this.#flush());
    connection.onEnd(() => this.#failWaiting());
  }

  /** The reply to one operation. */
  submit<T>({ name, operation, decode, patient = true, replicas = 0, releases }: Submission<T>): Promise<T> {
    const { ended, ready } = this.#connection;
    if (ended || (!patient && !ready)) return Promise.reject(notConnected(name));
    const batch = this.#batchFor(name, replicas);
    const place = batch.add(keyOf(this.#options.namespace, name), operation);
    const { traces } = this.#options;
    if (releases !== undefined) batch.call ??= traces.nextCall();
    const since = runtime.monotonic();
    return batch.replies.then(
      (replies) => read(name, replies[place] as string, (reply) => decode(reply, batch.copies)),
      (error: unknown) => {
        const failure = LockUnavailableError.from(error, name);
        if (releases !== undefined && failure.uncertain) traces.unanswered(releases, batch.call as number, since);
        throw failure;
      },
    );
  }

  /** The owner as it travels: without the instance when that is the one that the call names. */
  short(owner: Owner): string {
    const { length } = this.instance;
    return owner.startsWith(this.instance) && owner[length] === '#' ? owner.slice(length) : owner;
  }

  /** Fails what waits for an answer. */
  close(): void {
    this.#failWaiting();
    for (const batch of [...this.#inFlight]) {
      this.#settled(batch);
      batch.fail(new LockUnavailableError(undefined, 'the service was closed before Redis answered'));
    }
  }

  #batchFor(name: string, replicas: number): Batch {
    // On a Cluster a call stays within one slot, and so within one name.
    const group = this.#connection.isCluster ? name : '';
    const open = this.#open.get(group);
    if (open && open.operations.length < BATCH && open.replicas === replicas) return open;
    const batch = new Batch(replicas);
    this.#open.set(group, batch);
    this.#waiting.push(batch);
    if (!this.#scheduled) outside(() => runtime.nextTick(this.#flush));
    this.#scheduled = true;
    return batch;
  }

  #failWaiting(): void {
    for (const batch of this.#waiting.splice(0)) {
      batch.cancelTimeout?.();
      batch.fail(notConnected());
    }
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#open = new Registry();
    if (this.#waiting.length === 0) return;
    if (this.#connection.ready) for (const batch of this.#waiting.splice(0)) void this.#send(batch);
    else this.#holdBack();
  };

  /** Not connected: each operation waits for that, but only so long. */
  #holdBack(): void {
    const { timeout } = this.#options;
    for (const batch of this.#waiting) {
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(batch), 1);
        const problem = `Redis could not be reached for ${timeout} ms`;
        const cause = this.#connection.lastError;
        batch.fail(new LockUnavailableError(undefined, problem, { uncertain: false, cause }));
      };
      batch.cancelTimeout ??= after(timeout, giveUp, { awaited: true });
    }
    this.#connection.wake();
  }

  async #send(batch: Batch): Promise<void> {
    const { timeout } = this.#options;
    batch.cancelTimeout?.();
    this.#inFlight.push(batch);
    if (this.#inFlight.length === 1) this.#connection.keepAlive(true);
    const giveUp = (): void => {
      this.#settled(batch);
      batch.fail(new LockUnavailableError(undefined, `Redis did not answer for ${timeout} ms`));
    };
    // After a pause of the process the answer may be here, and be read before `setImmediate`.
    batch.cancelTimeout = after(timeout, () => runtime.setImmediate(giveUp), { awaited: true });
    try {
      const reply = await (batch.replicas > 0 ? this.#callWithReplicas(batch) : this.#call(batch));
      batch.answer(readReplies(reply, batch.operations.length));
    } catch (error) {
      batch.fail(refused(undefined, error as Error));
    }
    this.#settled(batch);
  }

  #settled(batch: Batch): void {
    const index = this.#inFlight.indexOf(batch);
    if (index < 0) return;
    batch.cancelTimeout?.();
    this.#inFlight.splice(index, 1);
    if (this.#inFlight.length === 0) this.#connection.keepAlive(false);
  }

  /** By hash; where the server does not know the script, nothing has run, and the text goes along. */
  async #call(batch: Batch): Promise<unknown> {
    const { client } = this.#connection;
    const [keys, ...args] = this.#argumentsOf(batch);
    try {
      return await client.evalsha(LOCK_SCRIPT_SHA, keys, ...args);
    } catch (error) {
      // What was given up may have been withdrawn meanwhile, and must not be done any more.
      if (!this.#inFlight.includes(batch) || !(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return client.eval(LOCK_SCRIPT, keys, ...args);
    }
  }

  /**
   * The call, and `WAIT` behind it on the same connection: ioredis sends a pipeline as a whole, and rejects the rest of
   * it when the connection breaks in between. It neither follows a redirect nor loads a script, so the call alone does
   * that first, and is then repeated.
   */
  async #callWithReplicas(batch: Batch): Promise<unknown> {
    const { client } = this.#connection;
    const [keys, ...args] = this.#argumentsOf(batch);
    for (let attempt = 1; ; attempt += 1) {
      const sent = client.pipeline?.().evalsha(LOCK_SCRIPT_SHA, keys, ...args);
      const half = Math.ceil(this.#options.timeout / 2);
      const [call, wait] = (await sent?.wait(batch.replicas, half).exec()) ?? [];
      if (!call || !wait) throw new Error('the client has no pipeline(), which the option `replicas` needs');
      const [error, reply] = call;
      if (!error) {
        if (wait[0]) throw wait[0];
        batch.copies = Number(wait[1]);
        return reply;
      }
      if (attempt > 1 || !this.#inFlight.includes(batch) || !/^(NOSCRIPT|MOVED|ASK) /.test(error.message)) throw error;
      await this.#call(batch);
    }
  }

  /** The number of keys, the keys, and the rest. */
  #argumentsOf(batch: Batch): [number, ...string[]] {
    // While a slot moves, a node answers for the keys that it is told of: a lock must not be seen in part.
    const { isCluster } = this.#connection;
    const keys = isCluster ? [...batch.keys, ...furtherKeysOf(batch.keys[0] as string)] : [...batch.keys];
    const { traces, namespace, channelPrefix } = this.#options;
    let call = '';
    if (batch.call !== undefined) {
      keys.push(traces.key(isCluster ? (batch.keys[0] as string) : namespace));
      call = traces.argument(batch.call, isCluster);
    }
    return [keys.length, ...keys, channelPrefix, this.instance, call, ...batch.operations];
  }
}

function read<T>(name: string, reply: string, decode: (reply: string) => T): T {
  if (reply.startsWith('e ')) throw failed(name, reply.slice(2));
  try {
    return decode(reply);
  } catch (error) {
    throw error instanceof LockUnavailableError ? error : refused(name, error as Error);
  }
}

/** An error that Redis replied with to the whole call says that nothing was done; any other leaves it open. */
function refused(name: string | undefined, error: Error): LockUnavailableError {
  const cause = bareError(error);
  if (!isReplyError(error)) return new LockUnavailableError(name, `no answer (${cause.message})`, { cause });
  return new LockUnavailableError(name, `Redis refused (${cause.message})`, { cause, uncertain: false });
}

/** The error of one operation, which the script keeps from its neighbours. Half of it may have been done. */
function failed(name: string, message: string): LockUnavailableError {
  return new LockUnavailableError(name, `Redis refused (${message})`, { cause: replyError(message) });
}

function notConnected(name?: string): LockUnavailableError {
  return new LockUnavailableError(name, 'Redis is not connected', { uncertain: false });
}
