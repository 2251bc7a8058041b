import { FaultProxy } from './proxy/fault-proxy.js';
import type { Source, Store } from './stores/store.js';

/** A proxy between each worker's place and each server. */
export class Network {
  readonly #store: Store;
  readonly #proxies = new Map<string, Map<number, FaultProxy>>();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async start(store: Store, slots: readonly string[]): Promise<Network> {
    const network = new Network(store);
    for (const slot of slots) {
      const started = await Promise.all(store.reached.map(({ port }) => FaultProxy.start(port)));
      network.#proxies.set(slot, new Map(started.map((proxy) => [proxy.targetPort, proxy])));
    }
    return network;
  }

  of(slot: string): readonly FaultProxy[] {
    return [...(this.#proxies.get(slot)?.values() ?? [])];
  }

  sourceFor(slot: string): Source {
    return this.#store.source((port) => this.#proxies.get(slot)?.get(port)?.port ?? 0);
  }

  stop(): void {
    for (const slot of this.#proxies.keys()) for (const proxy of this.of(slot)) proxy.stop();
  }
}
