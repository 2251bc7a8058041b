import { Waiting, type WaitingKeeper, type Wish, type WishListener } from '../../lib/core/waiting.js';
import type { Granted, LockUnavailableError, PushedGrant } from '../../lib/index.js';
import { FakeClock } from './fake-time.js';
import { granted, ScriptedStore } from './scripted-store.js';

/** Waitings without anything around them, on a store and in a time that the test commands. */
export class Waitings implements WaitingKeeper, WishListener {
  readonly store = new ScriptedStore();
  readonly clock = new FakeClock();
  readonly patience = 5_000;
  /** Those of which nothing is left in the store. */
  readonly over: Waiting[] = [];
  readonly grants: Parameters<WishListener['granted']>[0][] = [];
  readonly failures: LockUnavailableError[] = [];
  refusals = 0;

  open(wish: Partial<Wish> = {}): Waiting {
    const whole = { name: 'door', permits: 0, ttl: 30_000, queue: true, block: () => 1, ...wish };
    return new Waiting(this, 'me#1', whole, this);
  }

  settled(waiting: Waiting): void {
    this.over.push(waiting);
  }

  granted(grant: Granted & { owner: string; since: number }): void {
    this.grants.push(grant);
  }

  busy(): void {
    this.refusals += 1;
  }

  failed(error: LockUnavailableError): void {
    this.failures.push(error);
  }
}

export function pushed(attempt: number, grant: Partial<PushedGrant> = {}): PushedGrant {
  return { ...granted(), attempt, provisional: false, ...grant };
}
