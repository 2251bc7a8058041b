import { AskRounds } from '../../lib/core/ask-rounds.js';
import { Asking, type AskingKeeper, type Wish } from '../../lib/core/asking.js';
import { RenewalWheel } from '../../lib/core/renewal.js';
import type { Granted, LockUnavailableError, PushedGrant } from '../../lib/index.js';
import { FakeClock } from './fake-time.js';
import { granted, ScriptedStore } from './scripted-store.js';

/** Somebody who asks, and does nothing with what becomes of it. */
export class Waiting extends Asking {
  readonly #waitings: Waitings;

  constructor(waitings: Waitings, wish: Wish) {
    super(waitings, 'me#1', wish);
    this.#waitings = waitings;
    this.ask();
  }

  override refresh(): void {
    super.refresh();
  }

  protected get callers(): number {
    return this.#waitings.callers();
  }

  protected get wantedBlock(): number {
    return this.#waitings.block();
  }

  protected get keptUntil(): number {
    return 0;
  }

  protected granted(grant: Granted, since: number): void {
    this.#waitings.grants.push({ ...grant, owner: this.owner, since });
  }

  protected busy(): void {
    this.#waitings.refusals += 1;
  }

  protected turnedAway(): void {
    this.#waitings.turnedAwayCount += 1;
  }

  protected failed(error: LockUnavailableError): void {
    this.#waitings.failures.push(error);
  }

  protected settled(): void {
    this.#waitings.over.push(this);
  }

  protected lost(): void {}

  protected over(): void {}
}

/** Waitings without anything around them, on a store and in a time that the test commands. */
export class Waitings implements AskingKeeper {
  readonly store = new ScriptedStore();
  readonly clock = new FakeClock();
  readonly wheel = new RenewalWheel(this.clock);
  readonly rounds = new AskRounds(this.clock);
  readonly longestTtl = Number.POSITIVE_INFINITY;
  readonly patience = 5_000;
  /** Those of which nothing is left in the store. */
  readonly over: Waiting[] = [];
  readonly grants: (Granted & { owner: string; since: number })[] = [];
  readonly failures: LockUnavailableError[] = [];
  refusals = 0;
  turnedAwayCount = 0;
  block = (): number => 1;
  callers = (): number => 1;

  open({ block, ...wish }: Partial<Wish> & { block?: () => number } = {}): Waiting {
    if (block) this.block = block;
    const terms = { permits: 0, ttl: 30_000, queues: true, replicas: 0, maxWaiting: Number.POSITIVE_INFINITY };
    return new Waiting(this, { name: 'door', ...terms, ...wish });
  }
}

export function pushed(attempt: number, grant: Partial<PushedGrant> = {}): PushedGrant {
  return { ...granted(), attempt, provisional: false, ...grant };
}
