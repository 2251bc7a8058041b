import { LockOptionsError } from '../core/errors.js';
import { outside } from '../core/outside.js';
import type { LockLogger } from '../core/service-options.js';
import type { RedisClient } from './redis-client.js';
import { isClient, type RedisSource } from './redis-source.js';
import { bareError } from './reply-error.js';
import { endStream, steadyClient } from './steady-client.js';

type Event = 'ready' | 'close' | 'end';

/** The connection for commands: opened here and closed here, or handed in and left open. */
export class Connection {
  readonly client: RedisClient;
  readonly own: boolean;
  /** The latest error of a connection that was opened here. */
  lastError: Error | undefined;
  /** How often the connection was lost: what was in flight then may have been sent twice. */
  losses = 0;

  /** One listener for each event on the client, which several services may share; ours are called by it. */
  readonly #listeners: Record<Event, (() => void)[]> = { ready: [], close: [], end: [] };
  readonly #onClient: Record<string, () => void>;
  #keepAlive = false;

  private constructor(client: RedisClient, own: boolean) {
    this.client = client;
    this.own = own;
    const lost = (): void => {
      this.losses += 1;
      for (const listener of this.#listeners.close) listener();
    };
    const call = (event: Event) => (): void => {
      // A client that was handed in may have been made anywhere.
      outside(() => {
        for (const listener of this.#listeners[event]) listener();
      });
    };
    this.#onClient = { ready: call('ready'), end: call('end'), close: lost, '-node': lost };
    if (own) {
      const refresh = (): void => this.keepAlive(this.#keepAlive);
      Object.assign(this.#onClient, { connect: refresh, reconnecting: refresh });
    }
    for (const [event, listener] of Object.entries(this.#onClient)) client.on(event, listener);
  }

  /** ioredis is loaded only where a connection is opened. */
  static async open(source: RedisSource, logger: LockLogger | undefined): Promise<Connection> {
    if (isClient(source)) return new Connection(source, false);
    const { Redis } = await outside(() => import('ioredis'));
    // A URL or options: ioredis tells them apart itself.
    const client = make(() => outside(() => steadyClient(() => new Redis(source as string))));
    const connection = new Connection(client, true);
    connection.#watchErrors(logger);
    return connection;
  }

  /** A second connection of the same kind: for messages, and for what would hold up the others on this one. */
  duplicate(): Connection {
    const client = outside(() => steadyClient(() => this.client.duplicate()));
    leaveSubscribingToUs(client);
    const connection = new Connection(client, true);
    connection.#watchErrors(undefined);
    return connection;
  }

  get ready(): boolean {
    return this.client.status === undefined || this.client.status === 'ready';
  }

  /** Closed for good, by whoever owns it. */
  get ended(): boolean {
    return this.client.status === 'end';
  }

  get isCluster(): boolean {
    return this.client.isCluster === true;
  }

  /** Calls `listener` at each (re)connection. */
  onReady(listener: () => void): void {
    this.#listeners.ready.push(listener);
  }

  /** Calls `listener` each time that a connection is lost, or does not come about. */
  onLost(listener: () => void): void {
    this.#listeners.close.push(listener);
  }

  onEnd(listener: () => void): void {
    this.#listeners.end.push(listener);
  }

  /** Connects a client that was made with `lazyConnect`. */
  wake(): void {
    if (this.client.status === 'wait') outside(() => this.client.connect()).catch(() => {});
  }

  /** Whether an own connection keeps the process alive: only while a command is under way. */
  keepAlive(wanted: boolean): void {
    this.#keepAlive = wanted;
    if (!this.own) return;
    if (wanted) (this.client as Internals).stream?.ref?.();
    else letProcessEnd(this.client);
  }

  close(): void {
    for (const [event, listener] of Object.entries(this.#onClient)) this.client.off(event, listener);
    if (this.own) endStream(this.client, () => disconnect(this.client));
  }

  /** Each outage is reported once. */
  #watchErrors(logger: LockLogger | undefined): void {
    let reported = false;
    this.client.on('error', (error: Error) => {
      this.lastError = bareError(error);
      hearFurtherErrors(this.client);
      if (!reported)
        logger?.warn(`Redis cannot be reached (${error.message}). Locks are unavailable until it is back.`);
      reported = true;
    });
    this.onReady(() => {
      reported = false;
      this.lastError = undefined;
    });
  }
}

/** What of an ioredis client may keep the process alive. */
type Internals = {
  options?: { autoResubscribe?: boolean };
  refreshSlotsCache?(done: () => void): void;
  clearNodesRefreshInterval?(): void;
  stream?: { ref?(): void; unref?(): void; on?(event: 'error', listener: () => void): void };
  reconnectTimeout?: { unref?(): void } | null;
};

/** For good. While a Cluster looks for its slots, ioredis arms the timer for the next look behind its own back. */
function disconnect(client: RedisClient): void {
  client.disconnect();
  const internals = client as Internals;
  internals.refreshSlotsCache?.(() => internals.clearNodesRefreshInterval?.());
}

/** Neither the socket of the client nor its next attempt to connect keeps the process alive. */
function letProcessEnd(client: RedisClient): void {
  const { stream, reconnectTimeout } = client as Internals;
  stream?.unref?.();
  reconnectTimeout?.unref?.();
}

/** ioredis subscribes again by itself, too, and hears nothing when that is rejected, which would end the process. */
function leaveSubscribingToUs(client: RedisClient): void {
  const { options } = client as Internals;
  if (options) options.autoResubscribe = false;
}

/** ioredis hears the first error of a socket only; with TLS a second one may follow, which would end the process. */
function hearFurtherErrors(client: RedisClient): void {
  (client as Internals).stream?.on?.('error', () => {});
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
