import { LockUnavailableError } from '../../core/errors.js';
import type { Owner } from '../../core/lock-store.js';
import { Registry } from '../../core/registry.js';
import { outside, runtime } from '../../core/runtime.js';
import { after, Watchdog } from '../../core/timer.js';
import { Batch, type Reply } from './batch.js';
import type { Connection } from './connection.js';
import { FenceLife } from './fence-life.js';
import { fenceOf, fenceOfSlot, furtherKeysOf, keyOf } from './keys.js';
import { type Kind, type Operation, readReplies } from './lock-script.js';
import { isOfSeveralSlots, notNow } from './not-now.js';
import { Outage, type Sent } from './outage.js';
import type { ReleaseTraces } from './release-traces.js';
import { bareError, isReplyError, replyError } from './reply-error.js';
import { type ScriptArguments, ScriptCaller } from './script-caller.js';
import type { Topology } from './topology.js';

/** After a reply that means "not now" the call is sent again this much later, and later each time. */
const SHORTEST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 400;

const FAST: readonly Kind[] = ['acquire', 'release', 'renew'];
const ANY: readonly Kind[] = ['any'];

export interface GroupCommitOptions {
  readonly namespace: string;
  /** What stands before an instance in the name of its channel. */
  readonly channelPrefix: string;
  /** How long one command may take, in ms. */
  readonly commandTimeout: number;
  /** After how long an outage calls fail at once, in ms. */
  readonly patience: number;
  readonly traces: ReleaseTraces;
  readonly topology: Topology;
}

/** One operation on its way. */
export interface Submission<T> {
  readonly name: string;
  readonly operation: Operation;
  /**
   * Throws for what is no reply to it. `copies`: how many of the `replicas` have what was written. `since`: when it was
   * submitted, or a little before.
   */
  readonly decode: (reply: string, copies: number, since: number) => T;
  /** While Redis is away, wait for it; false: reject at once. Default true. */
  readonly patient?: boolean;
  readonly replicas?: number;
  /** A server that takes no writes serves it, too. Default false. */
  readonly readsOnly?: boolean;
  /** Whose hold it ends. */
  readonly releases?: Owner;
  /** Nothing of it is on the way any more: it was answered, or its connection is gone. May come long after it has failed. */
  readonly onGone?: ((wasAnswered: boolean) => void) | undefined;
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
  readonly #outage: Outage;
  readonly #script: ScriptCaller;
  readonly #fence = new FenceLife();
  readonly #watchdog: Watchdog<Batch>;
  /** Not sent yet. */
  #waiting: Batch[] = [];
  /** Those of this tick that may take more, by their kind, and by their name where names do not travel together. */
  #open = new Registry<string, Batch>();
  readonly #inFlight: Batch[] = [];
  /** Those that were told "not now". */
  readonly #paused = new Set<Batch>();
  #scheduled = false;

  constructor(connection: Connection, options: GroupCommitOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#outage = new Outage(connection, options.patience);
    this.#script = new ScriptCaller(connection, options.commandTimeout);
    // After a pause of the process the answer may be here, and be read before `setImmediate`.
    this.#watchdog = new Watchdog(options.commandTimeout, (batch) => runtime.setImmediate(() => this.#overdue(batch)));
    connection.onReady(() => this.#flush());
    options.topology.onKnown(() => this.#flush());
    connection.onEnd(() => this.#failWaiting());
  }

  /** The reply to one operation. */
  submit<T>(submission: Submission<T>): Promise<T> {
    const { name, operation, patient = true, replicas = 0, readsOnly = false, releases, onGone } = submission;
    const { ended, ready } = this.#connection;
    const refusal = this.#outage.refusal(name) ?? (ended || (!patient && !ready) ? notConnected(name) : undefined);
    if (refusal) {
      onGone?.(true);
      return Promise.reject(refusal);
    }
    const batch = this.#batchFor(name, operation, replicas);
    batch.readsOnly &&= readsOnly;
    if (!batch.isTrial && this.#outage.startsTrial()) batch.isTrial = true;
    if (onGone) batch.onGone = [...(batch.onGone ?? []), onGone];
    const place = batch.add(name, keyOf(this.#options.namespace, name), operation);
    const { traces } = this.#options;
    if (releases !== undefined) batch.call ??= traces.nextCall();
    return batch.replies.then(
      (replies) => read(submission, replies[place] as Reply, batch),
      (error: unknown) => {
        const failure = LockUnavailableError.from(error, name);
        const { call, submittedAt } = batch;
        if (releases !== undefined && failure.uncertain) traces.unanswered(releases, call as number, submittedAt);
        throw failure;
      },
    );
  }

  /** Whether a call that comes now fails at once. */
  refuses(name: string): boolean {
    return this.#outage.refusal(name) !== undefined;
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

  #batchFor(name: string, operation: Operation, replicas: number): Batch {
    // Then a call stays within one slot, and on one server.
    const { oneNamePerCall, isOpen } = this.#options.topology;
    const { kind } = operation;
    const group = oneNamePerCall && !isOpen ? name : '';
    const open = this.#open.get(kind + group);
    if (open?.takes(operation, replicas)) return open;
    const batch = new Batch(operation, replicas);
    // Operations of any kind keep their place among the others.
    for (const other of kind === 'any' ? FAST : ANY) this.#open.delete(other + group);
    this.#open.set(kind + group, batch);
    this.#line(batch);
    this.#schedule();
    return batch;
  }

  /** Releases go before acquires and renewals, so that an acquire finds free what was released in the same tick. */
  #line(batch: Batch): void {
    let place = this.#waiting.length;
    const isBehind = (other: Batch | undefined): boolean => other?.kind === 'acquire' || other?.kind === 'renew';
    if (batch.kind === 'release') while (isBehind(this.#waiting[place - 1])) place -= 1;
    this.#waiting.splice(place, 0, batch);
  }

  #schedule(): void {
    if (!this.#scheduled) outside(() => runtime.nextTick(this.#flush));
    this.#scheduled = true;
  }

  #failWaiting(): void {
    for (const batch of [...this.#waiting.splice(0), ...this.#paused]) this.#failUnsent(batch, notConnected());
    this.#paused.clear();
  }

  #failUnsent(batch: Batch, error: LockUnavailableError): void {
    batch.cancelTimeout?.();
    if (batch.isTrial) this.#outage.tried();
    batch.fail(error);
    batch.gone(true);
  }

  readonly #flush = (): void => {
    this.#scheduled = false;
    this.#open = new Registry();
    if (this.#waiting.length === 0) return;
    if (!this.#connection.ready) this.#holdBack();
    else if (!this.#options.topology.isPending) for (const batch of this.#waiting.splice(0)) this.#sendOrSplit(batch);
  };

  /** What was put together when it was not known yet whether it may be. */
  #sendOrSplit(batch: Batch): void {
    const isTooWide = this.#options.topology.oneNamePerCall && !batch.isOfOneName;
    for (const part of isTooWide ? batch.split() : [batch]) this.#send(part);
    if (isTooWide && batch.isTrial) this.#outage.tried();
  }

  /** Not connected: each operation waits for that, but only so long. */
  #holdBack(): void {
    const { commandTimeout } = this.#options;
    for (const batch of this.#waiting) {
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(batch), 1);
        const problem = `Redis could not be reached for ${commandTimeout} ms`;
        const { isUncertain: uncertain } = batch;
        const { reply } = this.#outage;
        const { lastError: cause } = this.#connection;
        this.#outage.report();
        // The connection that has answered so is being replaced.
        if (reply && batch.sends > 0) this.#failUnsent(batch, refused(undefined, reply, uncertain));
        else
          this.#failUnsent(batch, new LockUnavailableError(undefined, problem, { uncertain, cause: reply ?? cause }));
      };
      batch.cancelTimeout ??= after(this.#left(batch), giveUp, { awaited: true });
    }
    this.#outage.missed();
    this.#connection.wake();
  }

  /** For how many ms more it may wait to be sent. */
  #left(batch: Batch): number {
    return Math.max(0, batch.submittedAt + this.#options.commandTimeout - runtime.monotonic());
  }

  #send(batch: Batch): void {
    batch.cancelTimeout?.();
    this.#inFlight.push(batch);
    if (this.#inFlight.length === 1) this.#connection.keepAlive(true);
    batch.losses = this.#connection.losses;
    batch.sends += 1;
    batch.sent = this.#outage.sent();
    this.#watchdog.watch(batch);
    this.#call(batch).then(
      (reply) => this.#replied(batch, reply),
      (error: Error) => this.#failed(batch, error),
    );
  }

  #overdue(batch: Batch): void {
    if (!this.#inFlight.includes(batch)) return;
    this.#settled(batch);
    this.#outage.unanswered(batch.sent as Sent);
    batch.fail(new LockUnavailableError(undefined, `Redis did not answer for ${this.#options.commandTimeout} ms`));
  }

  #replied(batch: Batch, reply: unknown): void {
    if (batch.tellsFence) this.#fence.told((batch.sent as Sent).at, batch.losses);
    this.#outage.answered();
    this.#outage.served(batch.readsOnly);
    try {
      batch.answer(readReplies(reply, batch.operations.length));
      batch.gone(true);
    } catch (error) {
      this.#failed(batch, error as Error);
    }
    this.#settled(batch);
  }

  #failed(batch: Batch, error: Error): void {
    const word = notNow(error);
    const wasAnswered = word !== undefined || isReplyError(error);
    if (wasAnswered) this.#outage.answered();
    if (word) this.#outage.notNow(word, error, (batch.sent as Sent).at);
    else if (wasAnswered) this.#outage.served(batch.readsOnly);
    // What was sent twice may have been done the first time, and its answer been lost.
    batch.isUncertain ||= !wasAnswered || batch.losses !== this.#connection.losses;
    if (this.#triesAgain(batch, error)) return;
    if (word) this.#outage.report();
    batch.fail(wasAnswered ? refused(undefined, error, batch.isUncertain) : unknown(undefined, error));
    batch.gone(wasAnswered);
    this.#settled(batch);
  }

  /** Where nothing has run. */
  #triesAgain(batch: Batch, error: Error): boolean {
    // What was given up meanwhile must not be done any more.
    if (!this.#inFlight.includes(batch)) return false;
    // A trial has found out.
    if (notNow(error) && !batch.isTrial && this.#left(batch) > 0) this.#later(batch);
    else if (isOfSeveralSlots(error)) {
      const { namesAllKeys } = this.#options.topology;
      this.#options.topology.isClustered(error);
      if (batch.operations.length === 1 && namesAllKeys) return false;
      this.#oneByOne(batch);
    } else return false;
    return true;
  }

  #later(batch: Batch): void {
    this.#settled(batch, false);
    this.#paused.add(batch);
    const pause = Math.min(SHORTEST_PAUSE_MS * 2 ** (batch.sends - 1), LONGEST_PAUSE_MS, this.#left(batch));
    const again = (): void => {
      this.#paused.delete(batch);
      batch.cancelTimeout = undefined;
      this.#waiting.push(batch);
      this.#schedule();
    };
    batch.cancelTimeout = after(pause, again, { awaited: true });
  }

  #oneByOne(batch: Batch): void {
    this.#settled(batch);
    this.#waiting.push(...batch.split());
    this.#schedule();
  }

  /** `isOver`: nothing more is tried. */
  #settled(batch: Batch, isOver = true): void {
    const index = this.#inFlight.indexOf(batch);
    if (index < 0) return;
    this.#watchdog.callOff(batch);
    this.#inFlight.splice(index, 1);
    if (batch.isTrial && isOver) this.#outage.tried();
    if (this.#inFlight.length === 0) this.#connection.keepAlive(false);
  }

  #call(batch: Batch): Promise<unknown> {
    // What was given up may have been withdrawn meanwhile, and must not be done any more.
    const isWanted = (): boolean => this.#inFlight.includes(batch);
    const args = this.#argumentsOf(batch);
    if (batch.replicas === 0) return this.#script.call(args, isWanted);
    return this.#script.callWithReplicas(args, batch.replicas, isWanted).then(({ reply, copies }) => {
      batch.copies = copies;
      return reply;
    });
  }

  /** The number of keys, the keys, and the rest. */
  #argumentsOf(batch: Batch): ScriptArguments {
    const { traces, namespace, channelPrefix, topology } = this.#options;
    const { oneNamePerCall, namesAllKeys } = topology;
    const { kind, terms, operations, call, lease } = batch;
    const [name] = batch.names as [string];
    const [key] = batch.keys as [string];
    const keys = [...batch.keys, namesAllKeys ? fenceOfSlot(namespace, name) : fenceOf(namespace)];
    // Calls of one name each may have one number, and then no trace in common.
    if (call !== undefined) keys.push(traces.key(oneNamePerCall ? key : namespace));
    // While a slot moves, a node answers for the keys that it is told of: a lock must not be seen in part.
    if (namesAllKeys) keys.push(...furtherKeysOf(key));
    const number = call === undefined ? '' : traces.argument(call, oneNamePerCall);
    const life = this.#fence.argument(lease, this.#connection.losses, oneNamePerCall);
    batch.tellsFence = life !== '';
    return [keys.length, ...keys, kind, this.instance, channelPrefix, life, number, terms, ...operations];
  }
}

function read<T>({ name, decode }: Submission<T>, reply: Reply, { copies, submittedAt }: Batch): T {
  if (typeof reply !== 'string') throw LockUnavailableError.from(reply, name);
  if (reply.startsWith('e ')) throw failed(name, reply.slice(2));
  try {
    return decode(reply, copies, submittedAt);
  } catch (error) {
    throw error instanceof LockUnavailableError ? error : unknown(name, error as Error);
  }
}

function unknown(name: string | undefined, error: Error): LockUnavailableError {
  const cause = bareError(error);
  return new LockUnavailableError(name, `no answer (${cause.message})`, { cause });
}

/** An error that Redis replied with to the whole call says that nothing was done, if it was sent once. */
function refused(name: string | undefined, error: Error, uncertain: boolean): LockUnavailableError {
  const cause = bareError(error);
  return new LockUnavailableError(name, `Redis refused (${cause.message})`, { cause, uncertain, refused: true });
}

/** The error of one operation, which the script keeps from its neighbours. Half of it may have been done. */
function failed(name: string, message: string): LockUnavailableError {
  return new LockUnavailableError(name, `Redis refused (${message})`, { cause: replyError(message), refused: true });
}

function notConnected(name?: string): LockUnavailableError {
  return new LockUnavailableError(name, 'Redis is not connected', { uncertain: false });
}
