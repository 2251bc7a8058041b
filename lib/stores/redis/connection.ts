import { LockOptionsError } from '../../core/errors.js';
import type { LockLogger } from '../../core/logger.js';
import { outside } from '../../core/runtime.js';
import { after, type CancelTimer } from '../../core/timer.js';
import { ClientEvents } from './client-events.js';
import {
  cut,
  cutThese,
  disconnect,
  keepProcess,
  leaveSubscribingToUs,
  letProcessEnd,
  progressOf,
  silentSince,
} from './client-internals.js';
import type { RedisClient } from './redis-client.js';
import { isClient, type RedisServerOptions, type RedisSource } from './redis-source.js';
import { bareError } from './reply-error.js';
import { endStream, keepReading, steadyClient } from './steady-client.js';
import { Trouble } from './trouble.js';

/** An idle connection whose other side is gone is noticed after this long, and some seconds of probes by the kernel. */
const KEEP_ALIVE_MS = 10_000;
/**
 * So long after the last attempt the next one begins at the latest; and by how much more, so that not all do at once. A
 * server that loads its data is asked as often: ioredis would believe its guess of when it is done, for up to 10 s.
 */
const LONGEST_RETRY_MS = 500;
const RETRY_SPREAD_MS = 100;
/** A client that does not connect before it is told to: nothing of that is to be missed. */
const LAZY = { lazyConnect: true };
/** A connection that reads nothing for this long while it signs in is taken for broken. */
const SIGN_IN_MS = 5_000;
/** How ioredis tells that the user or the password is refused. */
const SIGN_IN_REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH)/;

// biome-ignore lint/suspicious/noExplicitAny: the listeners of the events differ.
type Listener = (...args: any[]) => void;

interface Subscription {
  readonly event: string;
  readonly listener: Listener;
  end: () => void;
}

/** A connection of ours to Redis: opened here and closed here, or a client that was handed in and is left open. */
export class Connection {
  readonly own: boolean;
  /** That Redis is away, or answers nothing; of the connection for commands. */
  readonly outage: Trouble;
  /** The latest error of a connection that was opened here. */
  lastError: Error | undefined;
  /** How often the connection was lost: what was in flight then may have been sent twice. */
  losses = 0;

  #client: RedisClient;
  /** Of a duplicate: makes a fresh one, with the options that the other client has by then. */
  readonly #make: (() => RedisClient) | undefined;
  readonly #subscriptions: Subscription[] = [];
  #keepAlive = false;
  #isClosed = false;
  /** Between the end of one client and the next. */
  #isReplaced = false;
  #cancelSignIn: CancelTimer | undefined;
  #onRefused: ((problem: string) => void) | undefined;

  private constructor(client: RedisClient, own: boolean, logger: LockLogger | undefined, make?: () => RedisClient) {
    this.#client = client;
    this.own = own;
    this.outage = new Trouble(logger, 'connection');
    this.#make = make;
    const lost = (): void => {
      this.losses += 1;
    };
    this.#on('close', lost);
    this.#on('-node', lost);
    if (!own) {
      keepReading(client);
      for (const event of ['connect', '+node']) this.#on(event, () => keepReading(client));
      return;
    }
    const refresh = (): void => this.keepAlive(this.#keepAlive);
    this.#on('connect', refresh);
    this.#on('reconnecting', refresh);
    this.#watchSignIn();
  }

  /** ioredis is loaded only where a connection is opened. `consequence`: of its being away, as a sentence. */
  static async open(
    source: RedisSource,
    logger: LockLogger | undefined,
    consequence = 'Locks are unavailable until it is back.',
  ): Promise<Connection> {
    if (isClient(source)) return new Connection(source, false, logger);
    const { Redis } = await outside(() => import('ioredis'));
    // A URL or options: ioredis tells them apart itself, and what stands in them goes first.
    const given = typeof source === 'string' ? source : { ...source, ...LAZY };
    const ours = { keepAlive: KEEP_ALIVE_MS, retryStrategy, maxLoadingRetryTime: LONGEST_RETRY_MS, ...LAZY };
    const open = (): RedisClient => new Redis(given as string, ours) as RedisClient;
    const client = make(() => outside(() => steadyClient(open)));
    const connection = new Connection(client, true, logger);
    connection.#watchErrors((problem) =>
      connection.outage.begins(`Redis cannot be reached (${problem}). ${consequence}`),
    );
    if (!isLazy(source)) connection.wake();
    return connection;
  }

  /**
   * A second connection of the same kind: for messages, and for what would hold up the others on this one. It connects
   * when it is woken.
   */
  duplicate(logger?: LockLogger): Connection {
    const makeOne = (): RedisClient => {
      const client = outside(() => steadyClient(() => this.#client.duplicate(...(this.isCluster ? [] : [LAZY]))));
      leaveSubscribingToUs(client);
      return client;
    };
    const connection = new Connection(makeOne(), true, logger, makeOne);
    connection.#watchErrors((problem) => {
      if (SIGN_IN_REFUSED.test(problem)) connection.#onRefused?.(problem);
    });
    return connection;
  }

  get client(): RedisClient {
    return this.#client;
  }

  get ready(): boolean {
    return this.#client.status === undefined || this.#client.status === 'ready';
  }

  /** Closed for good, by whoever owns it. */
  get ended(): boolean {
    return !this.#isReplaced && this.#client.status === 'end';
  }

  get isCluster(): boolean {
    return this.#client.isCluster === true;
  }

  /** Calls `listener` at each (re)connection. */
  onReady(listener: () => void): void {
    this.#on('ready', listener);
  }

  /** Calls `listener` each time that a connection is lost, or does not come about. */
  onLost(listener: () => void): void {
    this.#on('close', listener);
  }

  onEnd(listener: () => void): void {
    this.#on('end', listener);
  }

  onMessage(listener: (channel: string, message: string) => void): void {
    this.#on('message', listener);
  }

  /** The user or the password of a duplicate is refused: it may have been replaced in the options of the other client. */
  onSignInRefused(listener: (problem: string) => void): void {
    this.#onRefused = listener;
  }

  /** Connects a client that was made with `lazyConnect`. */
  wake(): void {
    if (this.#client.status === 'wait') outside(() => this.#client.connect()).catch(() => {});
  }

  /** Whether an own connection keeps the process alive: only while a command is under way. */
  keepAlive(wanted: boolean): void {
    this.#keepAlive = wanted;
    if (!this.own) return;
    if (wanted) keepProcess(this.#client);
    else letProcessEnd(this.#client);
  }

  /** Lets ioredis connect anew and send again what is not answered; only for an own connection. */
  reconnect(): void {
    if (this.own && !this.#isClosed) cut(this.#client);
  }

  /** Ends the client of a duplicate. What it has not answered fails. */
  drop(): void {
    if (!this.#make || this.#isReplaced || this.#isClosed) return;
    this.#isReplaced = true;
    this.losses += 1;
    this.#detach();
    disconnect(this.#client);
    cut(this.#client);
  }

  /** A fresh client in the place of the one that was dropped. */
  renew(): void {
    if (!this.#make || !this.#isReplaced || this.#isClosed) return;
    this.#isReplaced = false;
    this.#client = this.#make();
    for (const subscription of this.#subscriptions) {
      subscription.end = ClientEvents.of(this.#client).on(subscription.event, subscription.listener);
    }
    this.keepAlive(this.#keepAlive);
    this.wake();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelSignIn?.();
    this.#detach();
    if (!this.own) return;
    disconnect(this.#client);
    endStream(this.#client);
  }

  #on(event: string, listener: Listener): void {
    const end = ClientEvents.of(this.#client).on(event, listener);
    this.#subscriptions.push({ event, listener, end });
  }

  #detach(): void {
    for (const { end } of this.#subscriptions) end();
  }

  #watchErrors(report: (problem: string) => void): void {
    this.#on('error', (error: Error & { lastNodeError?: Error }) => {
      this.lastError = bareError(error);
      report((error.lastNodeError ?? error).message);
    });
    this.onReady(() => {
      this.lastError = undefined;
    });
  }

  /** ioredis waits for ever for the answers to what it asks at first, on a connection that is broken by then. */
  #watchSignIn(): void {
    const look = (): void => {
      const before = progressOf(this.#client);
      this.#cancelSignIn?.();
      this.#cancelSignIn = after(SIGN_IN_MS, () => {
        const silent = silentSince(this.#client, before);
        cutThese(silent);
        if (silent.size === 0) look();
      });
    };
    const done = (): void => this.#cancelSignIn?.();
    this.#on('connect', look);
    for (const event of ['ready', 'close', 'end']) this.#on(event, done);
  }
}

/** Whether the connection is to be made when it is needed first. */
function isLazy(source: string | RedisServerOptions): boolean {
  return typeof source === 'string' ? /[?&]lazyConnect=true\b/.test(source) : source.lazyConnect === true;
}

/** ioredis 6 leaves up to 5 s between its attempts: a waiter would not ride out what is over by then, nor a lease. */
function retryStrategy(times: number): number {
  return Math.min(50 * times, LONGEST_RETRY_MS) + RETRY_SPREAD_MS * Math.random();
}

/** What ioredis throws shows what it was given, with the password. */
function make(client: () => unknown): RedisClient {
  try {
    return client() as RedisClient;
  } catch {
    throw new LockOptionsError(
      'The option `redis` is no URL, and no options, that ioredis can read: check the host, the port and the Sentinels, ' +
        'and write special characters of a user or a password as %XX.',
    );
  }
}
