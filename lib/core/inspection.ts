import { labelOf } from './instance.js';
import type { StoreHolder, StoreState } from './lock-store.js';
import type { LockMode } from './options.js';

/** Who has a lock and who wants it, as the store saw it a moment ago. */
export interface LockInspection {
  readonly name: string;
  readonly holders: readonly LockHolder[];
  /** In the order of the queue. A process whose callers wait for the same name stands here once. */
  readonly waiting: readonly LockWaiter[];
  /** The last fencing token given out or set aside, as far as the store remembers (Redis: for a day after the last lease). */
  readonly lastToken: number | null;
}

export interface LockHolder {
  /** The label of the process: the option `instance`; of a holder that is no lock of ours, what it wrote. */
  readonly instance: string;
  readonly mode: LockMode;
  /** Of a process that serves several callers with one lease, the first caller's. */
  readonly token: number | null;
  /** Since when it is held, by the clock of the store; null where there is no token. */
  readonly since: Date | null;
  /** What is left of the lease, in ms; null: the holder is another program, whose lock has no end. */
  readonly remaining: number | null;
  /** Released already, and kept from the others for `remaining` (option `holdAtLeast`). */
  readonly retained: boolean;
}

export interface LockWaiter {
  readonly instance: string;
  readonly mode: LockMode;
  /** How long it has waited, in ms. */
  readonly waited: number;
  /** How many callers of its process it stands for; a change is seen within ten seconds. */
  readonly callers: number;
}

export function toInspection(name: string, { holders, waiting, lastToken }: StoreState): LockInspection {
  return {
    name,
    holders: holders.map(({ owner, ...holder }) => ({ instance: labelOf(owner), since: sinceOf(holder), ...holder })),
    waiting: waiting.map(({ owner, ...waiter }) => ({ instance: labelOf(owner), ...waiter })),
    lastToken,
  };
}

/** A token is the time of its grant, in µs. */
function sinceOf({ token }: Pick<StoreHolder, 'token'>): Date | null {
  return token === null ? null : new Date(Math.floor(token / 1_000));
}
