import { Lease, type LeaseKeeper } from '../../lib/core/lease.js';
import type { LeaseTerms } from '../../lib/core/lease-terms.js';
import { RenewalWheel } from '../../lib/core/renewal.js';
import type { LockLostWhy } from '../../lib/index.js';
import { FakeClock } from './fake-time.js';
import { ScriptedStore } from './scripted-store.js';

/** Leases without anything around them, on a store and in a time that the test commands. */
export class Leases implements LeaseKeeper {
  readonly store = new ScriptedStore();
  readonly clock = new FakeClock();
  readonly wheel = new RenewalWheel(this.clock);
  readonly longestTtl = 7_200_000;
  /** Those that are over. */
  readonly over: Lease[] = [];
  /** Why leases were lost, in order. */
  readonly lost: LockLostWhy[] = [];

  ended(lease: Lease): void {
    this.over.push(lease);
  }

  open(terms: Partial<LeaseTerms> = {}): Lease {
    const lease = new Lease(this, {
      name: 'door',
      owner: 'me#1',
      permits: 0,
      ttl: 3_000,
      renew: true,
      maxHold: Number.POSITIVE_INFINITY,
      isKeptLonger: false,
      replicas: 0,
      token: 100,
      block: 1,
      since: this.clock.now(),
      ...terms,
    });
    lease.user = { keptUntil: 0, lost: (why) => void this.lost.push(why), releaseRequested: () => {} };
    return lease;
  }
}
