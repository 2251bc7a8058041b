import { type Completed, Lease, type LeaseKeeper, type OnDelay, type Terms } from '../../lib/core/lease.js';
import type { ReleaseAnswer } from '../../lib/core/lock-store.js';
import { RenewalWheel } from '../../lib/core/renewal.js';
import type { LockLostWhy } from '../../lib/index.js';
import { FakeClock } from './fake-time.js';
import { ScriptedStore } from './scripted-store.js';

interface Asked {
  readonly seq: number;
  readonly permits: number;
  readonly replicas: number;
  readonly ttl: number;
}

/** A lease that nobody works under, from its grant on. */
export class TestLease extends Lease {
  /** As if somebody had it who has asked for that. */
  keptUntil = 0;
  /** The same, who does something when it is lost. */
  onLost: (why: LockLostWhy) => void;
  readonly since: number;
  readonly #leases: Leases;

  constructor(leases: Leases, { seq, permits, replicas, ttl, ...terms }: Asked & Terms) {
    super(leases, seq, { name: 'door', permits, replicas, ttl });
    this.#leases = leases;
    this.onLost = (why) => void leases.lost.push(why);
    this.since = terms.since;
    this.begin(terms);
  }

  override release(retain: number, onDelay?: OnDelay): Promise<ReleaseAnswer> {
    return super.release(retain, onDelay);
  }

  complete(remember: number, retain?: number): Promise<Completed> {
    return this.mark(remember, retain);
  }

  protected lost(why: LockLostWhy): void {
    this.onLost(why);
  }

  protected over(): void {
    this.#leases.over.push(this);
  }
}

/** Leases without anything around them, on a store and in a time that the test commands. */
export class Leases implements LeaseKeeper {
  readonly store = new ScriptedStore();
  readonly clock = new FakeClock();
  readonly wheel = new RenewalWheel(this.clock);
  readonly longestTtl = 7_200_000;
  /** Those that are over. */
  readonly over: TestLease[] = [];
  /** Why leases were lost, in order. */
  readonly lost: LockLostWhy[] = [];

  ownerOf(seq: number): string {
    return `me#${seq}`;
  }

  open(terms: Partial<Asked & Terms> = {}): TestLease {
    return new TestLease(this, {
      seq: 1,
      permits: 0,
      ttl: 3_000,
      renew: true,
      maxHold: Number.POSITIVE_INFINITY,
      isKeptLonger: false,
      replicas: 0,
      token: 100,
      block: 1,
      since: this.clock.now(),
      now: this.clock.now(),
      ...terms,
    });
  }
}
