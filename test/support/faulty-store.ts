import { type LockStore, MemoryLockStore } from '../../lib/index.js';
import type { StoreCall } from './store-proxy.js';

/** What happens to a call: it may be made, late or never. */
export type Fault = <T>(call: () => Promise<T>) => Promise<T>;

/** The store refuses; nothing was done. */
export const down: Fault = () => Promise.reject(new Error('The store is down'));

/** The call is made at once, and its answer comes after `ms`. */
export function late(ms: number): Fault {
  return async (call) => {
    const answer = await call();
    await new Promise((resolve) => setTimeout(resolve, ms));
    return answer;
  };
}

/** A store in memory whose calls are counted, and go wrong as the test says; for tests in fake time. */
export class FaultyStore {
  readonly faults: Partial<Record<StoreCall, Fault | undefined>> = {};
  /** What a service is given. */
  readonly store: LockStore;
  /** The store itself, for services that nothing goes wrong with. */
  readonly sound = new MemoryLockStore();
  readonly #counts = new Map<StoreCall, number>();

  constructor() {
    const { sound } = this;
    this.store = {
      acquire: (claim) => this.#call('acquire', () => sound.acquire(claim)),
      renew: (owned) => this.#call('renew', () => sound.renew(owned)),
      release: (owned) => this.#call('release', () => sound.release(owned)),
      withdraw: (owned) => this.#call('withdraw', () => sound.withdraw(owned)),
      inspect: (name) => this.#call('inspect', () => sound.inspect(name)),
      force: (name, expected) => this.#call('force', () => sound.force(name, expected)),
      subscribe: (instance, listener) => sound.subscribe(instance, listener),
    };
  }

  /** How often it was called. */
  count(call: StoreCall): number {
    return this.#counts.get(call) ?? 0;
  }

  async #call<T>(name: StoreCall, call: () => Promise<T>): Promise<T> {
    this.#counts.set(name, this.count(name) + 1);
    const fault = this.faults[name];
    return fault ? fault(call) : call();
  }
}
