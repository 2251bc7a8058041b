import type { LockLostWhy } from '../core/errors.js';
import type { LockMode } from '../core/options.js';
import type { DeposedReason } from '../features/leader-election.js';

/** What all events tell. Durations are in ms. */
export interface LockEvent {
  readonly name: string;
  /**
   * For metrics: the template of the decorator (`order:<orderId>`), or the option `label` of the lock; else `'other'`.
   * Never the name, of which there may be millions.
   */
  readonly label: string;
  readonly mode: LockMode;
  /** The decorated method, such as `OrdersService.pay`. */
  readonly method: string | undefined;
  /** The label of this process: the option `instance`. */
  readonly instance: string;
  /** The kind of store: `redis`, `quorum`, `memory`, or `custom`. */
  readonly store: string;
}

/** An event in the life of one acquisition. */
export interface AcquisitionEvent extends LockEvent {
  /** The same in all events of one acquisition, and in no other of this process. */
  readonly id: number;
}

export interface LockWaited extends AcquisitionEvent {
  /** From the request until now. */
  readonly waited: number;
}

export interface LockAcquired extends LockWaited {
  readonly fencingToken: number;
}

export interface LockBusy extends LockWaited {
  /** The labels of the processes that hold it, as far as they are known. */
  readonly holders: readonly string[];
}

export interface LockUnavailable extends LockWaited {
  /** What the store did or did not do. */
  readonly why: string;
}

export interface LockAborted extends LockWaited {
  /** `'signal'`: the caller's `signal`. `'closed'`: the service shuts down. `'options'`: the store cannot do what was asked for. */
  readonly why: 'signal' | 'closed' | 'options';
}

export interface LockReleased extends AcquisitionEvent {
  readonly fencingToken: number;
  /** For how long the caller had it. */
  readonly held: number;
}

export interface LockLost extends LockReleased {
  readonly why: LockLostWhy;
}

/** Work was left out. */
export interface LockSkipped extends LockEvent {
  /** `'busy'`: another caller does it. `'done'`: it is marked as done. `'closed'`: the service shuts down. */
  readonly why: 'busy' | 'done' | 'closed';
}

export interface LockMarked extends LockEvent {
  readonly fencingToken: number;
}

export interface LockElected extends LockEvent {
  readonly fencingToken: number;
}

export interface LockDeposed extends LockElected {
  /** For how long it led. */
  readonly held: number;
  readonly why: DeposedReason;
}

/** Something that all locks of this process depend on. */
export interface LockTrouble {
  /** `'connection'`: the store. `'messages'`: those by which waiters are told. `'server'`: one of a quorum. */
  readonly what: 'connection' | 'messages' | 'server';
  readonly instance: string;
  /** As it is logged. */
  readonly why: string;
}

export interface LockTroubleOver extends LockTrouble {
  /** For how long it lasted. */
  readonly lasted: number;
}

/** A call to the store has ended. */
export interface StoreCalled {
  /** The method of the port, such as `acquire`. */
  readonly operation: string;
  readonly outcome: 'answered' | 'unavailable';
  readonly took: number;
  readonly instance: string;
  readonly store: string;
}

/** What an observer can ask at any time. */
export interface ObservedService {
  readonly instance: string;
  /** The kind of store: `redis`, `quorum`, `memory`, or `custom`. */
  readonly store: string;
  /** Whether waiters are known to be reached by messages; undefined: nobody has had to know yet, or the store has none. */
  readonly messagesProven: boolean | undefined;
}

/**
 * Is told what happens to the locks of one process; each method is optional. Called in the async context of the caller
 * that asked for the lock, never awaited. What it throws is swallowed, and logged once.
 *
 * @example
 * const observer: LockObserver = {
 *   lost: ({ name, why, held }) => alert(`${name} lost after ${held} ms: ${why}`),
 * };
 */
export interface LockObserver {
  /** It observes this service from now on. The returned function is called when it does not any more. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most return nothing.
  start?(service: ObservedService): void | (() => void);
  /** The lock is busy, and the caller waits. One of `acquired`, `busy`, `aborted` and `unavailable` follows. */
  waiting?(event: AcquisitionEvent): void;
  /** One of `released` and `lost` follows, unless the process ends before. */
  acquired?(event: LockAcquired): void;
  /** The caller was told that the lock is busy. */
  busy?(event: LockBusy): void;
  /** The wait was ended by something else than the lock. */
  aborted?(event: LockAborted): void;
  /** The store did not answer, or refused. */
  unavailable?(event: LockUnavailable): void;
  released?(event: LockReleased): void;
  lost?(event: LockLost): void;
  /** Work was left out by `onBusy: 'skip'`, `tryRun` or `once`. */
  skipped?(event: LockSkipped): void;
  /** The work of `once` is marked as done. */
  marked?(event: LockMarked): void;
  elected?(event: LockElected): void;
  deposed?(event: LockDeposed): void;
  /** Something that locks depend on does not work, as the warning in the log says. */
  degraded?(event: LockTrouble): void;
  restored?(event: LockTroubleOver): void;
  /** A call to the store has ended. */
  called?(event: StoreCalled): void;
  /**
   * Runs the body under the lock, in a context of the observer's own (a span, say): calls `body` once, at once, and returns
   * what it returns.
   */
  run?<T>(event: LockAcquired, body: () => T): T;
}

/** The methods that an observer may have. */
export const OBSERVER_METHODS: readonly (keyof LockObserver)[] = [
  'start',
  'waiting',
  'acquired',
  'busy',
  'aborted',
  'unavailable',
  'released',
  'lost',
  'skipped',
  'marked',
  'elected',
  'deposed',
  'degraded',
  'restored',
  'called',
  'run',
];
