import { AskRounds } from '../../lib/core/ask-rounds.js';
import { Asking, type AskingKeeper, type Wish } from '../../lib/core/asking.js';
import { RenewalWheel } from '../../lib/core/renewal.js';
import type { Granted, LockUnavailableError, PushedGrant } from '../../lib/index.js';
import { FakeClock } from './fake-time.js';
import { granted, ScriptedStore } from './scripted-store.js';

/** The asking part of a claim, which does nothing with what it is granted. */
export class AskingAlone extends Asking {
  readonly #askings: Askings;

  constructor(askings: Askings, wish: Wish) {
    super(askings, 1, wish);
    this.#askings = askings;
    this.ask();
  }

  override refresh(): void {
    super.refresh();
  }

  protected get callers(): number {
    return this.#askings.callers();
  }

  protected get wantedBlock(): number {
    return this.#askings.block();
  }

  protected get keptUntil(): number {
    return 0;
  }

  protected granted(grant: Granted, since: number): void {
    this.#askings.grants.push({ ...grant, owner: this.owner, since });
  }

  protected busy(): void {
    this.#askings.refusals += 1;
  }

  protected turnedAway(): void {
    this.#askings.turnedAwayCount += 1;
  }

  protected failed(error: LockUnavailableError): void {
    this.#askings.failures.push(error);
  }

  protected settled(): void {
    this.#askings.over.push(this);
  }

  protected lost(): void {}

  protected over(): void {}
}

/** Claims that ask, without anything around them, on a store and in a time that the test commands. */
export class Askings implements AskingKeeper {
  readonly store = new ScriptedStore();
  readonly clock = new FakeClock();
  readonly wheel = new RenewalWheel(this.clock);
  readonly rounds = new AskRounds(this.clock);
  readonly longestTtl = Number.POSITIVE_INFINITY;
  readonly commandTimeout = 5_000;
  /** Those of which nothing is left in the store. */
  readonly over: AskingAlone[] = [];
  readonly grants: (Granted & { owner: string; since: number })[] = [];
  readonly failures: LockUnavailableError[] = [];
  refusals = 0;
  turnedAwayCount = 0;
  ownerOf = (seq: number): string => `me#${seq}`;
  block = (): number => 1;
  callers = (): number => 1;

  open({ block, ...wish }: Partial<Wish> & { block?: () => number } = {}): AskingAlone {
    if (block) this.block = block;
    const terms = { permits: 0, ttl: 30_000, queues: true, replicas: 0, maxWaiting: Number.POSITIVE_INFINITY };
    return new AskingAlone(this, { name: 'door', ...terms, ...wish });
  }
}

export function pushed(attempt: number, grant: Partial<PushedGrant> = {}): PushedGrant {
  return { ...granted(), attempt, provisional: false, ...grant };
}
