import {
  LockBusyError,
  LockClosedError,
  type LockLostWhy,
  LockOptionsError,
  LockUnavailableError,
} from '../core/errors.js';
import type { Locker } from '../core/locker.js';
import type { LockLogger, TroubleLogger } from '../core/logger.js';
import type { ResolvedLockOptions } from '../core/options.js';
import { here, runtime } from '../core/runtime.js';
import type { FeatureEvents, Witness, Witnesses } from '../core/witness.js';
import type {
  LockAcquired,
  LockEvent,
  LockObserver,
  LockWaited,
  ObservedService,
  StoreCalled,
} from './lock-observer.js';
import { timedStore } from './timed-store.js';

/** The events, and what each of them tells. */
export type EventsOf = {
  [K in Exclude<keyof LockObserver, 'start' | 'run'>]-?: Parameters<NonNullable<LockObserver[K]>>[0];
};

/** All observers of one service. What they are told, they are told after the step that it is about. */
export class Observers implements Witnesses {
  /** Of the process. */
  readonly #instance: string;
  readonly #logger: LockLogger | undefined;
  /** Each with what ends it. */
  readonly #all = new Map<LockObserver, (() => void) | undefined>();
  /** What has been logged: which method of which observer throws. */
  readonly #warned = new Map<LockObserver, Set<string>>();
  #lastId = 0;
  #locker: Locker | undefined;
  /** The kind of it. */
  #store = 'custom';

  constructor(instance: string, logger: LockLogger | undefined) {
    this.#instance = instance;
    this.#logger = logger;
  }

  /** Of what is observed. It is told only when there is an observer, and so costs nothing without. */
  attach(locker: Locker): void {
    this.#locker = locker;
  }

  /** The logger of a store, whose troubles are told to the observers, too. */
  told(logger: LockLogger): TroubleLogger {
    const instance = this.#instance;
    return {
      ...logger,
      degraded: (what, why) => this.report('degraded', { what, why, instance }),
      restored: (what, why, lasted) => this.report('restored', { what, why, lasted, instance }),
    };
  }

  /** The returned function takes it away again. */
  add(observer: LockObserver): () => void {
    if (!this.#all.has(observer)) {
      this.#store = this.#locker?.storeStatus.kind ?? this.#store;
      this.#all.set(observer, undefined);
      const end = this.#safely(observer, 'start', () => observer.start?.(this.#service()));
      if (typeof end === 'function') this.#all.set(observer, end);
      this.#attend();
    }
    return () => this.#remove(observer);
  }

  clear(): void {
    for (const observer of [...this.#all.keys()]) this.#remove(observer);
  }

  begin(name: string, options: ResolvedLockOptions): Witness {
    this.#lastId += 1;
    return new Observation(this, this.#lastId, this.event(name, options));
  }

  event(name: string, { label, mode, place: method }: ResolvedLockOptions): LockEvent {
    return { name, label, mode, method, instance: this.#instance, store: this.#store };
  }

  tell<K extends keyof FeatureEvents>(
    what: K,
    name: string,
    options: ResolvedLockOptions,
    event: FeatureEvents[K],
  ): void {
    this.report(what, { ...this.event(name, options), ...event } as EventsOf[K]);
  }

  /** Tells all of them, after what runs now. */
  report<K extends keyof EventsOf>(what: K, event: EventsOf[K], context = here()): void {
    if (this.#all.size > 0) runtime.queueMicrotask(() => context(() => this.#tell(what, event)));
  }

  run<T>(event: LockAcquired, body: () => T): T {
    return [...this.#all.keys()].reduceRight<() => T>(
      (inner, observer) => (observer.run ? () => this.#runIn(observer, event, inner) : inner),
      body,
    )();
  }

  #service(): ObservedService {
    const locker = this.#locker;
    return {
      instance: this.#instance,
      store: this.#store,
      get messagesProven() {
        return locker?.storeStatus.messagesProven;
      },
    };
  }

  /** Is told by the locks of the process only while there is somebody to tell. */
  #attend(): void {
    if (!this.#locker) return;
    this.#locker.witnesses = this.#all.size > 0 ? this : undefined;
    const isTimed = [...this.#all.keys()].some(({ called }) => called !== undefined);
    this.#locker.askThrough((store) => (isTimed ? timedStore(store, (call) => this.#called(call)) : store));
  }

  #called(call: Pick<StoreCalled, 'operation' | 'outcome' | 'took'>): void {
    this.report('called', { ...call, instance: this.#instance, store: this.#store });
  }

  #tell<K extends keyof EventsOf>(what: K, event: EventsOf[K]): void {
    for (const observer of [...this.#all.keys()]) {
      this.#safely(observer, what, () => (observer[what] as ((event: EventsOf[K]) => void) | undefined)?.(event));
    }
  }

  /** The body runs once, whatever the observer does. */
  #runIn<T>(observer: LockObserver, event: LockAcquired, body: () => T): T {
    let outcome: { value: T } | { error: unknown } | undefined;
    const once = (): T => {
      if (!outcome) {
        try {
          outcome = { value: body() };
        } catch (error) {
          outcome = { error };
        }
      }
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    };
    try {
      observer.run?.(event, once);
    } catch (error) {
      if (!outcome || !('error' in outcome) || outcome.error !== error) this.#warn(observer, 'run', error);
    }
    return once();
  }

  #safely<T>(observer: LockObserver, method: string, call: () => T): T | undefined {
    try {
      const result = call();
      if (result instanceof Promise) result.catch((error: unknown) => this.#warn(observer, method, error));
      return result;
    } catch (error) {
      this.#warn(observer, method, error);
      return undefined;
    }
  }

  #warn(observer: LockObserver, method: string, error: unknown): void {
    const warned = this.#warned.get(observer) ?? new Set();
    if (warned.has(method)) return;
    this.#warned.set(observer, warned.add(method));
    this.#logger?.warn(
      `An observer of the locks fails in ${method}() (${error instanceof Error ? error.message : String(error)}). Locks go ` +
        'on, but what it was to show is missing: mend the observer. Its further failures are not logged.',
    );
  }

  #remove(observer: LockObserver): void {
    const end = this.#all.get(observer);
    this.#all.delete(observer);
    this.#attend();
    if (end) this.#safely(observer, 'start', end);
  }
}

/** One acquisition, as the observers see it. */
class Observation implements Witness {
  readonly #observers: Observers;
  readonly #id: number;
  readonly #event: LockEvent;
  /** Of the caller: spans that are made of its events belong to those of the caller. */
  readonly #context = here();
  readonly #since = runtime.monotonic();
  #acquired: LockAcquired | undefined;
  #acquiredAt = 0;
  #isOver = false;

  constructor(observers: Observers, id: number, event: LockEvent) {
    this.#observers = observers;
    this.#id = id;
    this.#event = event;
  }

  waiting(): void {
    this.#tell('waiting', { ...this.#event, id: this.#id });
  }

  granted(fencingToken: number): void {
    this.#acquired = { ...this.#waited(), fencingToken };
    this.#acquiredAt = runtime.monotonic();
    this.#tell('acquired', this.#acquired);
  }

  failed(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const waited = this.#waited();
    if (error instanceof LockBusyError) this.#tell('busy', { ...waited, holders: error.holders });
    else if (error instanceof LockUnavailableError) this.#tell('unavailable', { ...waited, why: error.problem });
    else this.#tell('aborted', { ...waited, why: whyAborted(error) });
  }

  released(): void {
    this.#end((event) => this.#tell('released', event));
  }

  lost(why: LockLostWhy): void {
    this.#end((event) => this.#tell('lost', { ...event, why }));
  }

  run<T>(body: () => T): T {
    return this.#acquired ? this.#observers.run(this.#acquired, body) : body();
  }

  #end(tell: (event: EventsOf['released']) => void): void {
    if (this.#isOver || !this.#acquired) return;
    this.#isOver = true;
    const { fencingToken } = this.#acquired;
    const held = runtime.monotonic() - this.#acquiredAt;
    tell({ ...this.#event, id: this.#id, fencingToken, held });
  }

  #waited(): LockWaited {
    return { ...this.#event, id: this.#id, waited: runtime.monotonic() - this.#since };
  }

  #tell<K extends keyof EventsOf>(what: K, event: EventsOf[K]): void {
    this.#observers.report(what, event, this.#context);
  }
}

function whyAborted(error: unknown): EventsOf['aborted']['why'] {
  if (error instanceof LockClosedError) return 'closed';
  return error instanceof LockOptionsError ? 'options' : 'signal';
}
