/*
 * The port between the lock and what it is kept in. A driver implements `LockStore` and runs `runLockStoreSuite` of
 * `nestjs-lock/testing`; everything else (leases, renewal, waiting, re-entry) is built on these few operations.
 *
 * Each operation is atomic, and may reach the store twice: a repeat by the same owner must be harmless. An operation
 * that the store did not answer, or refused, or that too few replicas have, rejects with `LockUnavailableError`: unknown is neither yes nor no.
 */
import type { LockMode } from './options.js';

/** Who asks: `<instance>#<seq>`. One owner is one lease of one name and is never used again. */
export type Owner = string;

/** A request for a lock. */
export interface Claim {
  readonly name: string;
  readonly owner: Owner;
  /** How many may hold at once; `0` is exclusive. */
  readonly permits: number;
  /** The lease in ms. */
  readonly ttl: number;
  /**
   * How long the store keeps this waiter without hearing from it, in ms; `0`: does not wait. A store that is not sure of
   * its messages keeps it for less, and says so (`Busy.aliveFor`).
   */
  readonly alive: number;
  /** The place in the queue that an earlier attempt was given, else `0`. Moves a waiter that stands elsewhere. */
  readonly ticket: number;
  /** The number of this attempt; a pushed grant carries the number of the latest one that the store saw. */
  readonly attempt: number;
  /** How many tokens to set aside, for hand-over inside the process; at least 1. */
  readonly block: number;
  /** A grant counts only when so many replicas of the store have it; a store without replicas ignores it. Default 0. */
  readonly replicas?: number;
  /**
   * With so many in the queue nobody else enters it: the answer is a `ticket` of 0. Whoever brings a ticket has entered
   * already. Default: no bound.
   */
  readonly maxWaiting?: number;
  /** How many callers of the process the claim stands for; for operators only. Default 1. */
  readonly callers?: number;
}

/** The lock is the claim's, since this attempt, for `ttl`. */
export interface Granted {
  readonly granted: true;
  /** The fencing token, or the first of the block. */
  readonly token: number;
  /** How many tokens from `token` on are set aside. */
  readonly block: number;
}

/** A grant that the store pushed to a waiter. */
export interface PushedGrant extends Granted {
  /** The attempt of the waiter that the store saw last. */
  readonly attempt: number;
  /** The store could not know whether the message arrives, and gave a short lease: ask again to make it a whole one. */
  readonly provisional: boolean;
}

/** Somebody else has it; a waiter stands in the queue now. */
export interface Busy {
  readonly granted: false;
  /** In how many ms the lease of the holder ends; null: it is another program's, and has no end. */
  readonly retryAfter: number | null;
  /** The place in the queue, for the next attempt; `0` for a claim that does not wait, or has found the queue full. */
  readonly ticket: number;
  /** How many waiters stand before this one. */
  readonly rank: number;
  /**
   * The owner that holds it, or one of them; of another program, what it wrote; undefined where it is only kept back
   * (`holdAtLeast`, the queue's turn).
   */
  readonly holder: Owner | undefined;
  /** Another program holds it, and nobody is told when it ends. */
  readonly foreign?: boolean;
  /** How long the store keeps this waiter's place without hearing from it, in ms. Default: the `alive` of the claim. */
  readonly aliveFor?: number;
  /** The claim brought a ticket, and neither held nor stood in the queue any more: it has been given its place again. */
  readonly reentered?: boolean;
}

/** An owner's hold or place in the queue. */
export interface Owned {
  readonly name: string;
  readonly owner: Owner;
}

/** A hold that goes on. */
export interface Renewal extends Owned {
  readonly ttl: number;
  /** The new lease counts only when so many replicas have it. Default 0. */
  readonly replicas?: number;
  /** Those of the claim; a store that is made of several counts its votes by them. Default 0. */
  readonly permits?: number;
  /** A quorum's: from now on these are the tokens of the hold, and all later ones are higher. */
  readonly token?: number;
  readonly block?: number;
}

/** What was to be done under an exclusive hold has been done. */
export interface Completion extends Owned {
  /** For how long the mark stays, in ms. */
  readonly remember: number;
  /** Releases in the same step, and keeps the lock from the others for so many more ms. Default: it stays held. */
  readonly retain?: number | undefined;
  /** The mark counts only when so many replicas have it. Default 0. */
  readonly replicas?: number;
}

/** What `inspect` of a store tells. */
export interface StoreState {
  readonly holders: readonly StoreHolder[];
  /** In the order of the queue. */
  readonly waiting: readonly StoreWaiter[];
  /** The token of whoever holds; null: nobody does, or its token is unknown. */
  readonly lastToken: number | null;
}

export interface StoreHolder {
  readonly owner: Owner;
  readonly mode: LockMode;
  readonly token: number | null;
  /** What is left of the lease, in ms; null: it is another program's, and has no end. */
  readonly remaining: number | null;
  /** Released, but kept from the others until `remaining` is over (`holdAtLeast`). */
  readonly retained: boolean;
}

export interface StoreWaiter {
  readonly owner: Owner;
  readonly mode: LockMode;
  /** How long it has stood in the queue, in ms. */
  readonly waited: number;
  /** How many callers of its process it stands for. */
  readonly callers: number;
}

/**
 * What a release was: `true`, it was the owner's until then; `false`, it was not; `'unknown'`, it is not the owner's any
 * more, and whether an earlier attempt of this release ended it cannot be told.
 */
export type ReleaseAnswer = boolean | 'unknown';

/** What a store tells one instance without being asked. */
export interface StoreListener {
  /** A waiter was granted the lock. */
  granted(owner: Owner, grant: PushedGrant): void;
  /**
   * The owner's hold was ended by force. `token`: what the store had it under, or all overlapping sharers together; a
   * message that comes late does not mean a hold with a higher one. Undefined: it means any.
   */
  revoked(owner: Owner, token: number | undefined): void;
  /** The owner should ask again now: what it waits for has changed. */
  nudged(owner: Owner): void;
  /** Somebody wants what the owner holds, and asks for it. `token` as above. */
  releaseRequested?(owner: Owner, token: number | undefined): void;
  /** Messages may have been missed: every waiter and holder should ask again. */
  reconnected(): void;
  /** Another process puts a question (`LockStoreExtras.ask`). Returns the answer; undefined: there is none. */
  asked?(question: string): string | undefined;
}

/** A note for operators. */
export interface StoreNote {
  /** When it was written, in ms since the epoch by the store's clock. */
  readonly at: number;
  readonly text: string;
}

/** What is known of a store without asking it. */
export interface StoreStatus {
  /** What metrics and the health check call it, such as `redis`. */
  readonly kind: string;
  /** Whether messages are known to reach this process; undefined: nobody waits for any, or the store needs none. */
  readonly messagesProven: boolean | undefined;
  /** Of a store that is made of several servers: how many of them can be reached. */
  readonly servers?: { readonly reachable: number; readonly of: number };
}

/** What a store may have beside the lock itself. A call that needs what the store lacks rejects with `LockOptionsError`. */
export interface LockStoreExtras {
  /**
   * Marks the name as done, and releases, in one step. False: it is not the owner's, and nothing is marked. True again for
   * the owner whose mark it is.
   */
  complete(completion: Completion): Promise<boolean>;
  /** When the name was marked as done, in ms since the epoch by the store's clock; null: it is not, or not any more. */
  doneAt(name: string): Promise<number | null>;
  /** Removes the mark, if it is that owner's, or of that time (as `doneAt` told it). False: there was no such mark. */
  unmark(name: string, mark: Owner | number): Promise<boolean>;
  /** Tells the holders that somebody asks for the lock. False: nobody holds it. */
  requestRelease(name: string): Promise<boolean>;
  /**
   * Ends every hold, tells the holders, and grants the exclusive lock past the whole queue, provided that `lastToken` is
   * still `expected`; else busy. An owner that holds already gets its own token again.
   */
  steal(claim: Claim, expected: number | null): Promise<Granted | Busy>;
  /**
   * Puts the question to the processes of these instances, by their messages; resolves to what they have answered within
   * `ms`, by instance. Who asks has to be subscribed. For operators.
   */
  ask(instances: readonly string[], question: string, ms: number): Promise<ReadonlyMap<string, string>>;
  /** Keeps notes for operators: the last `keep` of all processes. */
  note(texts: readonly string[], keep: number): Promise<void>;
  /** What was noted since this time, in ms since the epoch by the store's clock; the oldest first. */
  notes(since: number): Promise<readonly StoreNote[]>;
  /** The names that begin with `prefix` and are held or waited for. For operators: may cost a walk over the whole store. */
  names(prefix: string): Promise<readonly string[]>;
}

/** The port. All durations are in ms; time is the store's own. */
export interface LockStore extends Partial<LockStoreExtras> {
  /**
   * Grants, or refuses, or (with `alive`) takes a place in the queue. An owner that holds already gets its own token
   * again, and its lease starts anew. `isWanted`: whether anybody still waits for the answer. A store that tries again by
   * itself asks before each further try, and rejects when nobody does: what it has by then stands in the way of others.
   */
  acquire(claim: Claim, isWanted?: () => boolean): Promise<Granted | Busy>;
  /** Starts the lease anew. False: it is not the owner's. */
  renew(renewal: Renewal): Promise<boolean>;
  /**
   * Ends the hold, keeps the lock from the others for `retain` more ms, and grants to the next. A release that was carried
   * out is never answered with false, however often it reaches the store; one that was not, never with true.
   */
  release(owned: Owned & { retain: number }): Promise<ReleaseAnswer>;
  /** Leaves the queue; a grant that came meanwhile is released. */
  withdraw(owned: Owned): Promise<void>;
  inspect(name: string): Promise<StoreState>;
  /** Ends every hold and tells the holders, provided that `lastToken` is still `expected`. False: it was not, or nobody held it. */
  force(name: string, expected: number | null): Promise<boolean>;
  /** Messages for the owners of `instance` go to `listener`, from now until the returned function is called. */
  subscribe(instance: string, listener: StoreListener): () => void;
  /** For operators. */
  status?(): StoreStatus;
  /** Gives back what the store opened itself. */
  close?(): Promise<void>;
}
