import { type LockStore, MemoryLockStore } from '../../lib/index.js';

/** A store in memory that tells which of its methods were called, and lets a test step in after the next of one kind. */
export class MarkingStore {
  /** What a service is given. */
  readonly store: LockStore;
  readonly calls: string[] = [];
  readonly #next = new Map<string, () => Promise<unknown>>();

  constructor(target: MemoryLockStore = new MemoryLockStore()) {
    this.store = new Proxy(target, {
      get: (_, method: string) => {
        const real = Reflect.get(target, method);
        if (typeof real !== 'function' || method === 'subscribe') return real?.bind(target);
        return async (...args: unknown[]) => {
          this.calls.push(method);
          const answer = await Reflect.apply(real, target, args);
          const step = this.#next.get(method);
          this.#next.delete(method);
          await step?.();
          return answer;
        };
      },
    });
  }

  /** Runs `step` when the next such call has been answered, and before the caller hears of it. */
  after(method: keyof LockStore, step: () => Promise<unknown>): void {
    this.#next.set(method, step);
  }
}
