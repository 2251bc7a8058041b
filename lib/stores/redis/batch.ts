import type { LockUnavailableError } from '../../core/errors.js';
import { runtime } from '../../core/runtime.js';
import type { CancelTimer, Watched } from '../../core/timer.js';
import type { Kind, Operation } from './lock-script.js';
import type { Sent } from './outage.js';

/** What one operation has come to: the reply of the script, or why there is none. */
export type Reply = string | LockUnavailableError;

/** Operations in one script call: docs/performance.md says what more or fewer cost. */
const LIMIT = 32;

/** What travels in one script call: operations of one kind and tick, and one promise of the replies to all of them. */
export class Batch implements Watched<Batch> {
  readonly kind: Kind;
  /** What its operations have in common. */
  readonly terms: string;
  /** Their locks, all the same on a Cluster. */
  readonly names: string[] = [];
  readonly keys: string[] = [];
  readonly operations: string[] = [];
  /** The longest lease that it may make, in ms. */
  lease = 0;
  readonly replies: Promise<readonly Reply[]>;
  /** Settles the promise; does nothing the second time. */
  answer!: (replies: readonly Reply[]) => void;
  fail!: (error: unknown) => void;
  /** Set while it waits to be sent. */
  cancelTimeout: CancelTimer | undefined;
  /** While it waits for the answer. */
  overdueAt = 0;
  before: Batch | undefined;
  behind: Batch | undefined;
  /** How many replicas should have what it writes, and how many were known to have it when it was answered. */
  readonly replicas: number;
  copies = 0;
  /** Its number, where it releases something. */
  call: number | undefined;
  readonly submittedAt: number;
  /** How often it was sent, when for the last time, and how often the connection had been lost by then. */
  sends = 0;
  sent: Sent | undefined;
  losses = 0;
  /** A server that takes no writes serves it, too. */
  readsOnly = true;
  /** It may have run. */
  isUncertain = false;
  /** It finds out whether Redis is back. */
  isTrial = false;
  /** It says how long the key of the last token must live. */
  tellsFence = false;
  /** Called once nothing of it is on the way any more, which may be long after it has failed. */
  onGone: ((wasAnswered: boolean) => void)[] | undefined;

  constructor({ kind, terms }: Pick<Operation, 'kind' | 'terms'>, replicas: number, submittedAt = runtime.monotonic()) {
    this.kind = kind;
    this.terms = terms;
    this.replicas = replicas;
    this.submittedAt = submittedAt;
    this.replies = new Promise((resolve, reject) => {
      this.answer = resolve;
      this.fail = reject;
    });
  }

  /** Whether an operation of its kind may travel with it. */
  takes({ terms }: Operation, replicas: number): boolean {
    return terms === this.terms && replicas === this.replicas && this.operations.length < LIMIT;
  }

  /** Returns the place of its reply. */
  add(name: string, key: string, { text, lease }: Pick<Operation, 'text' | 'lease'>): number {
    this.names.push(name);
    this.keys.push(key);
    if (lease > this.lease) this.lease = lease;
    return this.operations.push(text) - 1;
  }

  get isOfOneName(): boolean {
    return this.names.every((name) => name === this.names[0]);
  }

  gone(wasAnswered: boolean): void {
    for (const listener of this.onGone ?? []) listener(wasAnswered);
    this.onGone = undefined;
  }

  /** One batch for each of its operations, whose outcomes are those of this one. */
  split(): Batch[] {
    const parts = this.operations.map((text, place) => {
      const part = new Batch(this, this.replicas, this.submittedAt);
      part.call = this.call;
      part.readsOnly = this.readsOnly;
      part.add(this.names[place] as string, this.keys[place] as string, { text, lease: this.lease });
      return part;
    });
    void Promise.all(parts.map((part) => part.replies.catch((error: LockUnavailableError) => [error]))).then((all) => {
      this.copies = Math.min(...parts.map(({ copies }) => copies));
      this.answer(all.map(([reply]) => reply as Reply));
    });
    let left = parts.length;
    let answered = true;
    const gone = (wasAnswered: boolean): void => {
      left -= 1;
      answered &&= wasAnswered;
      if (left === 0) this.gone(answered);
    };
    for (const part of parts) part.onGone = [gone];
    return parts;
  }
}
