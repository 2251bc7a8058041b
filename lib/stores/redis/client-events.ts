import { outside } from '../../core/runtime.js';
import type { RedisClient } from './redis-client.js';

// biome-ignore lint/suspicious/noExplicitAny: the listeners of the events differ.
type Listener = (...args: any[]) => void;

interface Relay {
  readonly listeners: Set<Listener>;
  readonly onClient: Listener;
}

/** Of each client that is in use; several services may share one. */
const ALL = new WeakMap<RedisClient, ClientEvents>();

/** The events of one client, with one listener of ours on it for each, however many want to hear of it. */
export class ClientEvents {
  readonly #client: RedisClient;
  readonly #relays = new Map<string, Relay>();

  private constructor(client: RedisClient) {
    this.#client = client;
  }

  static of(client: RedisClient): ClientEvents {
    const events = ALL.get(client) ?? new ClientEvents(client);
    ALL.set(client, events);
    return events;
  }

  /** The returned function ends it; the last one to go takes our listener off the client. */
  on(event: string, listener: Listener): () => void {
    const relay = this.#relays.get(event) ?? this.#relay(event);
    // One function may be given twice, and each is ended by itself.
    const own: Listener = (...args) => listener(...args);
    relay.listeners.add(own);
    return () => {
      relay.listeners.delete(own);
      if (relay.listeners.size > 0 || this.#relays.get(event) !== relay) return;
      this.#relays.delete(event);
      this.#client.off(event, relay.onClient);
    };
  }

  #relay(event: string): Relay {
    const listeners = new Set<Listener>();
    // A client that was handed in may have been made anywhere.
    const onClient: Listener = (...args) =>
      outside(() => {
        for (const listener of [...listeners]) listener(...args);
      });
    const relay = { listeners, onClient };
    this.#relays.set(event, relay);
    this.#client.on(event, onClient);
    return relay;
  }
}
