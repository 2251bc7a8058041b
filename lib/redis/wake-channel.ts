import type { StoreListener } from '../core/lock-store.js';
import type { LockLogger } from '../core/service-options.js';
import type { Connection } from './connection.js';
import { readMessage } from './lock-script.js';
import { isReplyError } from './reply-error.js';

export interface WakeChannelOptions {
  /** Of the commands; that for messages is made after it. */
  readonly connection: Connection;
  readonly channelPrefix: string;
  readonly instance: string;
  readonly listener: StoreListener;
  readonly logger: LockLogger | undefined;
  /** How many hear the channel on the server that runs the scripts; undefined where that cannot be told. */
  readonly countListeners: (() => Promise<number>) | undefined;
}

/** The messages for one instance, on a connection of their own. */
export class WakeChannel {
  /** Whether a message that reaches nobody says that we are gone: the server that publishes is the one that we listen to. */
  verified = false;

  readonly #options: WakeChannelOptions;
  readonly #channel: string;
  readonly #subscriber: Connection;
  #warned = false;
  #closed = false;

  constructor(options: WakeChannelOptions) {
    this.#options = options;
    this.#channel = options.channelPrefix + options.instance;
    this.#subscriber = options.connection.duplicate();
    const { client } = this.#subscriber;
    client.on('ready', () => void this.#subscribe());
    client.on('close', () => {
      this.verified = false;
    });
    client.on('message', (channel: string, message: string) => {
      if (channel === this.#channel && !this.#closed) this.#hear(message);
    });
    this.#subscriber.wake();
  }

  /** After a (re)connection of either side: finds out whether the servers are the same, and lets everybody ask again. */
  async refresh(): Promise<void> {
    this.verified = false;
    try {
      this.verified = ((await this.#options.countListeners?.()) ?? 0) > 0;
    } catch {
      // Unknown is no: grants are provisional until the next (re)connection.
    }
    if (!this.#closed) this.#options.listener.reconnected();
  }

  close(): void {
    this.#closed = true;
    this.verified = false;
    this.#subscriber.close();
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.client.subscribe(this.#channel);
    } catch (error) {
      this.#warn(error as Error);
      return;
    }
    await this.refresh();
  }

  #warn(error: Error): void {
    if (this.#warned || this.#closed || !isReplyError(error)) return;
    this.#warned = true;
    this.#options.logger?.warn(
      `The channel ${this.#options.channelPrefix}* cannot be subscribed to (${error.message}): waiters ask again every ` +
        'few seconds instead of being woken. Grant the user this channel pattern.',
    );
  }

  #hear(message: string): void {
    const { instance, listener } = this.#options;
    const heard = readMessage(message);
    if (!heard) return;
    const owner = `${instance}#${heard.seq}`;
    const { kind, token } = heard;
    if (typeof kind === 'object') listener.granted(owner, kind);
    else if (kind === 'x') listener.revoked(owner, token);
    else if (kind === '?') listener.nudged(owner);
    else if (kind === 'r') listener.releaseRequested?.(owner, token);
  }
}
