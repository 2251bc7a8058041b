import { AskRounds } from '../../lib/core/ask-rounds.js';
import { Waiting, type WaitingKeeper } from '../../lib/core/waiting.js';
import type { Wish, WishListener } from '../../lib/core/wish.js';
import type { Granted, LockUnavailableError, PushedGrant } from '../../lib/index.js';
import { FakeClock } from './fake-time.js';
import { granted, ScriptedStore } from './scripted-store.js';

/** Waitings without anything around them, on a store and in a time that the test commands. */
export class Waitings implements WaitingKeeper, WishListener {
  readonly store = new ScriptedStore();
  readonly clock = new FakeClock();
  readonly rounds = new AskRounds(this.clock);
  readonly patience = 5_000;
  /** Those of which nothing is left in the store. */
  readonly over: Waiting[] = [];
  readonly grants: (Granted & { owner: string; since: number })[] = [];
  readonly failures: LockUnavailableError[] = [];
  refusals = 0;
  turnedAwayCount = 0;
  block: WishListener['block'] = () => 1;
  callers: WishListener['callers'] = () => 1;

  open({ block, ...wish }: Partial<Wish & Pick<WishListener, 'block'>> = {}): Waiting {
    if (block) this.block = block;
    const terms = { permits: 0, ttl: 30_000, queue: true, replicas: 0, maxWaiting: Number.POSITIVE_INFINITY };
    return new Waiting(this, 'me#1', { name: 'door', ...terms, ...wish }, this);
  }

  settled(waiting: Waiting): void {
    this.over.push(waiting);
  }

  granted(grant: Granted, owner: string, since: number): void {
    this.grants.push({ ...grant, owner, since });
  }

  busy(): void {
    this.refusals += 1;
  }

  turnedAway(): void {
    this.turnedAwayCount += 1;
  }

  failed(error: LockUnavailableError): void {
    this.failures.push(error);
  }
}

export function pushed(attempt: number, grant: Partial<PushedGrant> = {}): PushedGrant {
  return { ...granted(), attempt, provisional: false, ...grant };
}
