import { FaultProxy } from './proxy/fault-proxy.js';
import type { Address, Source, Store } from './stores/store.js';

/** A proxy between each worker's place and each address. */
export class Network {
  readonly #store: Store;
  readonly #proxies = new Map<string, Map<number, FaultProxy>>();

  private constructor(store: Store) {
    this.#store = store;
  }

  static async start(store: Store, slots: readonly string[]): Promise<Network> {
    const network = new Network(store);
    for (const slot of slots) {
      const start = async ({ port, leadsTo = port }: Address): Promise<[number, FaultProxy]> => [
        port,
        await FaultProxy.start(leadsTo),
      ];
      network.#proxies.set(slot, new Map(await Promise.all(store.reached.map(start))));
    }
    return network;
  }

  of(slot: string): readonly FaultProxy[] {
    return [...(this.#proxies.get(slot)?.values() ?? [])];
  }

  get all(): readonly FaultProxy[] {
    return [...this.#proxies.keys()].flatMap((slot) => this.of(slot));
  }

  sourceFor(slot: string): Source {
    return this.#store.source((port) => this.#proxies.get(slot)?.get(port)?.port ?? 0);
  }

  stop(): void {
    for (const proxy of this.all) proxy.stop();
  }
}
