import { LockUnavailableError } from '../core/errors.js';
import type { Owner } from '../core/lock-store.js';
import { after, type CancelTimer } from '../core/timer.js';
import type { Connection } from './connection.js';
import { furtherKeysOf, keyOf } from './keys.js';
import { LOCK_SCRIPT, LOCK_SCRIPT_SHA, type Operation, readReplies } from './lock-script.js';
import { bareError, isReplyError, replyError } from './reply-error.js';

/** Small enough that client and server work at the same time; one big batch makes them take turns. */
const BATCH = 16;

interface Pending {
  readonly name: string;
  readonly operation: Operation;
  /** Resolves with the decoded reply; throws when it is none. */
  readonly settle: (reply: string) => void;
  readonly reject: (error: LockUnavailableError) => void;
  /** Set while it cannot be sent. */
  cancelTimeout: CancelTimer | undefined;
}

/** What travels in one script call. */
interface Batch {
  readonly items: readonly Pending[];
  /** Answered, or given up: what comes now is too late. */
  done: boolean;
}

export interface GroupCommitOptions {
  readonly namespace: string;
  /** What stands before an instance in the name of its channel. */
  readonly channelPrefix: string;
  /** How long one command may take, in ms. */
  readonly timeout: number;
}

/**
 * Operations of one tick travel together, as one script call for each batch. Nothing is handed to the client while it
 * is not connected: what was never sent certainly did not run.
 */
export class GroupCommit {
  readonly #connection: Connection;
  readonly #options: GroupCommitOptions;
  readonly #inFlight: Batch[] = [];
  #pending: Pending[] = [];
  /** The instance that most owners belong to; each call names it once. */
  instance = '';
  #scheduled = false;

  constructor(connection: Connection, options: GroupCommitOptions) {
    this.#connection = connection;
    this.#options = options;
    connection.onReady(() => this.#flush());
    connection.onEnd(() => this.#failPending());
  }

  /**
   * The reply to one operation. While Redis is away it waits for it, or, when `patient` is false, rejects at once.
   * `decode` throws for what is no reply to it.
   */
  submit<T>(name: string, operation: Operation, decode: (reply: string) => T, patient = true): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#connection.ended || (!patient && !this.#connection.ready)) {
        reject(notConnected(name));
        return;
      }
      const settle = (reply: string): void => resolve(decode(reply));
      this.#pending.push({ name, operation, settle, reject, cancelTimeout: undefined });
      if (this.#scheduled) return;
      this.#scheduled = true;
      process.nextTick(this.#flush);
    });
  }

  /** The owner as it travels: without the instance when that is the one that the call names. */
  short(owner: Owner): string {
    const { length } = this.instance;
    return owner.startsWith(this.instance) && owner[length] === '#' ? owner.slice(length) : owner;
  }

  /** Fails what waits for an answer. */
  close(): void {
    this.#failPending();
    for (const batch of [...this.#inFlight]) this.#finish(batch, ({ name }) => closed(name));
  }

  #failPending(): void {
    for (const { name, reject, cancelTimeout } of this.#pending.splice(0)) {
      cancelTimeout?.();
      reject(notConnected(name));
    }
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    if (this.#pending.length === 0) return;
    if (!this.#connection.ready) {
      this.#holdBack();
      return;
    }
    const pending = this.#pending;
    this.#pending = [];
    for (const each of pending) each.cancelTimeout?.();
    for (const items of this.#connection.isCluster ? groupByName(pending) : slices(pending)) {
      void this.#send({ items, done: false });
    }
  };

  /** Not connected: each operation waits for that, but only so long. */
  #holdBack(): void {
    for (const each of this.#pending) {
      const giveUp = (): void => {
        this.#pending = this.#pending.filter((other) => other !== each);
        const problem = `Redis could not be reached for ${this.#options.timeout} ms`;
        const cause = this.#connection.lastError;
        each.reject(new LockUnavailableError(each.name, problem, { uncertain: false, cause }));
      };
      each.cancelTimeout ??= after(this.#options.timeout, giveUp, { awaited: true });
    }
    this.#connection.wake();
  }

  async #send(batch: Batch): Promise<void> {
    this.#inFlight.push(batch);
    if (this.#inFlight.length === 1) this.#connection.keepAlive(true);
    const timedOut = (): void => this.#finish(batch, ({ name }) => silent(name, this.#options.timeout));
    const cancelTimeout = after(this.#options.timeout, timedOut, { awaited: true });
    try {
      const replies = await this.#call(batch);
      if (!batch.done) deliver(batch.items, replies);
    } catch (error) {
      if (!batch.done) for (const { name, reject } of batch.items) reject(refused(name, error as Error));
    }
    cancelTimeout();
    this.#finish(batch);
  }

  #finish(batch: Batch, error?: (item: Pending) => LockUnavailableError): void {
    if (batch.done) return;
    batch.done = true;
    this.#inFlight.splice(this.#inFlight.indexOf(batch), 1);
    if (error) for (const item of batch.items) item.reject(error(item));
    if (this.#inFlight.length === 0) this.#connection.keepAlive(false);
  }

  /** By hash; where the server does not know the script, nothing has run, and the text goes along. */
  async #call(batch: Batch): Promise<unknown> {
    const { client } = this.#connection;
    const { items } = batch;
    const args = items.map(({ name }) => keyOf(this.#options.namespace, name));
    // While a slot moves, a node answers for the keys that it is told of: a lock must not be seen in part.
    if (this.#connection.isCluster) args.push(...furtherKeysOf(args[0] as string));
    const keys = args.length;
    args.push(this.#options.channelPrefix, this.instance);
    for (const { operation } of items) args.push(operation);
    try {
      return await client.evalsha(LOCK_SCRIPT_SHA, keys, ...args);
    } catch (error) {
      // What was given up may have been withdrawn meanwhile, and must not be done any more.
      if (batch.done || !(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return client.eval(LOCK_SCRIPT, keys, ...args);
    }
  }
}

function deliver(items: readonly Pending[], answer: unknown): void {
  const replies = readReplies(answer, items.length);
  for (let index = 0; index < items.length; index += 1) {
    const { name, settle, reject } = items[index] as Pending;
    const reply = replies[index] as string;
    try {
      if (reply.startsWith('e ')) reject(failed(name, reply.slice(2)));
      else settle(reply);
    } catch (error) {
      reject(refused(name, error as Error));
    }
  }
}

/** An error that Redis replied with to the whole call says that nothing was done; any other leaves it open. */
function refused(name: string, error: Error): LockUnavailableError {
  const cause = bareError(error);
  if (!isReplyError(error)) return new LockUnavailableError(name, `no answer (${cause.message})`, { cause });
  return new LockUnavailableError(name, `Redis refused (${cause.message})`, { cause, uncertain: false });
}

/** The error of one operation, which the script keeps from its neighbours. Half of it may have been done. */
function failed(name: string, message: string): LockUnavailableError {
  return new LockUnavailableError(name, `Redis refused (${message})`, { cause: replyError(message) });
}

function notConnected(name: string): LockUnavailableError {
  return new LockUnavailableError(name, 'Redis is not connected', { uncertain: false });
}

function closed(name: string): LockUnavailableError {
  return new LockUnavailableError(name, 'the service was closed before Redis answered');
}

function silent(name: string, timeout: number): LockUnavailableError {
  return new LockUnavailableError(name, `Redis did not answer for ${timeout} ms`);
}

function* slices<T>(items: readonly T[]): Iterable<T[]> {
  for (let start = 0; start < items.length; start += BATCH) yield items.slice(start, start + BATCH);
}

/** On a Cluster a call stays within one slot, and so within one name. */
function groupByName(pending: readonly Pending[]): Iterable<Pending[]> {
  const groups = new Map<string, Pending[]>();
  for (const each of pending) {
    const group = groups.get(each.name);
    if (group) group.push(each);
    else groups.set(each.name, [each]);
  }
  return groups.values();
}
