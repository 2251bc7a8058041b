import { instanceOf } from '../../core/instance.js';
import type {
  Busy,
  Claim,
  Completion,
  Granted,
  LockStore,
  LockStoreExtras,
  Owned,
  Owner,
  Renewal,
  StoreListener,
  StoreNote,
  StoreState,
  StoreStatus,
} from '../../core/lock-store.js';
import { outside, runtime } from '../../core/runtime.js';
import { Marks } from './marks.js';
import { MemoryLock } from './memory-lock.js';

export interface MemoryLockStoreOptions {
  /** The time in ms since the epoch; must not go back. Default: the wall clock at the start, then the monotonic one. */
  clock?: { now(): number };
}

const SWEEP_FROM = 1_000;

const startOfProcess = { now: (): number => runtime.timeOrigin + runtime.monotonic() };

/**
 * The port in memory: for tests and single processes, and the reference of what the other stores do. Services that
 * share one object exclude each other. Nothing survives the process; tokens grow all the same, since they count from
 * the time.
 *
 * Under the fake timers of Jest, Vitest or Sinon a free lock is taken and released as ever. Waits and leases take real
 * time then, whatever the fakes do: the store, and the services on it, use the clock and the timers that were there when
 * the package was loaded.
 */
export class MemoryLockStore implements LockStore, LockStoreExtras {
  readonly #clock: { now(): number };
  readonly #locks = new Map<string, MemoryLock>();
  readonly #listeners = new Map<string, StoreListener>();
  readonly #marks = new Marks();
  #notes: StoreNote[] = [];
  #lastToken = 0;
  #sweepAt = SWEEP_FROM;

  constructor({ clock = startOfProcess }: MemoryLockStoreOptions = {}) {
    this.#clock = clock;
  }

  async acquire(claim: Claim): Promise<Granted | Busy> {
    return this.#on(claim.name, (lock) => lock.acquire(claim));
  }

  async renew(renewal: Renewal): Promise<boolean> {
    return this.#on(renewal.name, (lock) => lock.renew(renewal));
  }

  async release({ name, owner, retain }: Owned & { retain: number }): Promise<boolean> {
    return this.#on(name, (lock) => lock.release(owner, retain));
  }

  async withdraw({ name, owner }: Owned): Promise<void> {
    this.#on(name, (lock) => lock.withdraw(owner));
  }

  async inspect(name: string): Promise<StoreState> {
    return this.#on(name, (lock) => lock.state());
  }

  async force(name: string, expected: number | null): Promise<boolean> {
    return this.#on(name, (lock) => lock.force(expected));
  }

  async complete({ name, owner, remember, retain }: Completion): Promise<boolean> {
    return this.#on(name, (lock) => {
      if (!lock.isHeldBy(owner)) return this.#marks.isOf(name, owner, this.#clock.now());
      this.#marks.set(name, owner, this.#clock.now(), remember);
      return retain === undefined || lock.release(owner, retain);
    });
  }

  async doneAt(name: string): Promise<number | null> {
    return this.#marks.at(name, this.#clock.now());
  }

  async unmark(name: string, mark: Owner | number): Promise<boolean> {
    const now = this.#clock.now();
    const isIt = typeof mark === 'number' ? this.#marks.at(name, now) === mark : this.#marks.isOf(name, mark, now);
    return isIt && this.#marks.delete(name);
  }

  async requestRelease(name: string): Promise<boolean> {
    return this.#on(name, (lock) => lock.requestRelease());
  }

  async steal(claim: Claim, expected: number | null): Promise<Granted | Busy> {
    return this.#on(claim.name, (lock) => lock.steal(claim, expected));
  }

  async names(prefix: string): Promise<readonly string[]> {
    this.#sweep();
    return [...this.#locks.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  async ask(instances: readonly string[], question: string): Promise<ReadonlyMap<string, string>> {
    const answers = instances.map((each): [string, string | undefined] => [
      each,
      this.#listeners.get(each)?.asked?.(question),
    ]);
    return new Map(answers.filter((answer): answer is [string, string] => answer[1] !== undefined));
  }

  async note(texts: readonly string[], keep: number): Promise<void> {
    const at = Math.floor(this.#clock.now());
    this.#notes = [...this.#notes, ...texts.map((text) => ({ at, text }))].slice(-keep);
  }

  async notes(since: number): Promise<readonly StoreNote[]> {
    return this.#notes.filter(({ at }) => at >= since);
  }

  status(): StoreStatus {
    return { kind: 'memory', messagesProven: undefined };
  }

  subscribe(instance: string, listener: StoreListener): () => void {
    this.#listeners.set(instance, listener);
    return () => this.#listeners.delete(instance);
  }

  #on<T>(name: string, operation: (lock: MemoryLock) => T): T {
    const lock = this.#locks.get(name) ?? this.#open(name);
    const now = this.#clock.now();
    lock.moveTo(now);
    const result = operation(lock);
    if (lock.unused) this.#locks.delete(name);
    return result;
  }

  #open(name: string): MemoryLock {
    if (this.#locks.size >= this.#sweepAt) this.#sweep();
    const lock = new MemoryLock({
      nextToken: (now, block) => this.#nextToken(now, block),
      raise: (token) => this.#raise(token),
      tell: (owner, message) => this.#tell(owner, message),
    });
    this.#locks.set(name, lock);
    return lock;
  }

  /** Drops the names whose holders and waiters have all died. */
  #sweep(): void {
    for (const [name, lock] of this.#locks) {
      lock.moveTo(this.#clock.now());
      if (lock.unused) this.#locks.delete(name);
    }
    this.#sweepAt = Math.max(SWEEP_FROM, this.#locks.size * 2);
  }

  /** One counter for all names, which follows the time in µs: it grows for each of them, and over restarts. */
  #nextToken(now: number, block: number): number {
    const first = Math.max(Math.floor(now * 1_000), this.#lastToken + 1);
    this.#raise(first + block - 1);
    return first;
  }

  #raise(token: number): void {
    this.#lastToken = Math.max(this.#lastToken, token);
  }

  /** False: nobody hears it. As any message it arrives later, not now. */
  #tell(owner: Owner, message: (listener: StoreListener) => void): boolean {
    const listener = this.#listeners.get(instanceOf(owner));
    if (!listener) return false;
    const deliver = (): void => {
      if (this.#listeners.get(instanceOf(owner)) === listener) message(listener);
    };
    outside(() => runtime.queueMicrotask(deliver));
    return true;
  }
}
