import type { Busy, Claim, Granted, Owner, Renewal, StoreListener, StoreState } from '../../core/lock-store.js';
import { MemoryQueue } from './memory-queue.js';

export interface MemoryLockHost {
  /** The first of `block` tokens that nobody has had. */
  nextToken(now: number, block: number): number;
  /** From now on all tokens are higher than this one. */
  raise(token: number): void;
  /** False: the owner's process is not there. */
  tell(owner: Owner, message: (listener: StoreListener) => void): boolean;
}

interface Exclusive {
  readonly owner: Owner;
  token: number;
  /** How many tokens from `token` on are its own. */
  block: number;
  until: number;
  retained: boolean;
}

interface Share {
  /** The bound that its holder has asked for. */
  readonly permits: number;
  until: number;
  retained: boolean;
}

type Hold = Exclusive | Share;

/** One name in memory: its holders and its queue. The rules are those of `redis/scripts/lock`. */
export class MemoryLock {
  readonly #host: MemoryLockHost;
  #now = 0;
  #exclusive: Exclusive | undefined;
  readonly #shares = new Map<Owner, Share>();
  /** The token of all holders whose shares overlap. */
  #epoch = 0;
  readonly #queue = new MemoryQueue();

  constructor(host: MemoryLockHost) {
    this.#host = host;
  }

  get unused(): boolean {
    return !this.#exclusive && this.#shares.size === 0 && this.#queue.length === 0;
  }

  /** That of the exclusive holder, or of the sharers. */
  get token(): number {
    return this.#exclusive?.token ?? this.#epoch;
  }

  /** Time has passed: what has ended is gone. */
  moveTo(now: number): void {
    this.#now = now;
    if (this.#exclusive && this.#exclusive.until <= now) this.#exclusive = undefined;
    for (const [owner, { until }] of this.#shares) if (until <= now) this.#shares.delete(owner);
  }

  acquire(claim: Claim): Granted | Busy {
    const own = this.#grantOf(claim.owner, claim.ttl);
    if (own) {
      this.#promote();
      return own;
    }
    const mayEnter = claim.ticket > 0 || this.#queue.has(claim.owner);
    const reentered = claim.ticket > 0 && !this.#queue.has(claim.owner);
    if (claim.alive > 0 && mayEnter) this.#queue.enter(claim, this.#now);
    // First the living, then the bounds: what is free is nobody's because of those who have died.
    const granted = this.#promote(claim.owner);
    if (granted) return granted;
    if (this.#free(claim)) return this.#grant(claim);
    if (claim.alive > 0 && !mayEnter && this.#queue.hasRoom(claim, this.#now)) this.#queue.enter(claim, this.#now);
    return { ...this.#busy(claim), ...(reentered ? { reentered } : {}) };
  }

  renew({ owner, ttl, token, block = 1 }: Renewal): boolean {
    const renewed = this.#grantOf(owner, ttl) !== undefined;
    if (renewed && token !== undefined) {
      this.#host.raise(token + block - 1);
      if (this.#exclusive) Object.assign(this.#exclusive, { token, block });
      else this.#epoch = Math.max(this.#epoch, token);
    }
    this.#promote();
    return renewed;
  }

  release(owner: Owner, retain: number): boolean {
    const hold = this.#holdOf(owner);
    if (!hold) {
      this.#promote();
      return false;
    }
    if (hold.retained) {
      this.#promote();
      return true;
    }
    if (retain > 0) {
      hold.retained = true;
      hold.until = this.#now + retain;
      const { head } = this.#queue;
      if (head) this.#host.tell(head, (listener) => listener.nudged(head));
    } else this.#drop(owner);
    this.#promote();
    return true;
  }

  withdraw(owner: Owner): void {
    this.#queue.leave(owner);
    this.release(owner, 0);
  }

  state(): StoreState {
    this.#promote();
    const lastToken = this.#heldToken();
    const holders = [...this.#shares].map(([owner, { until, retained }]) => {
      return { owner, mode: 'shared' as const, token: this.#epoch, remaining: until - this.#now, retained };
    });
    const exclusive = this.#exclusive && {
      owner: this.#exclusive.owner,
      mode: 'exclusive' as const,
      token: this.#exclusive.token,
      remaining: this.#exclusive.until - this.#now,
      retained: this.#exclusive.retained,
    };
    return { holders: exclusive ? [exclusive] : holders, waiting: this.#queue.state(this.#now), lastToken };
  }

  force(expected: number | null): boolean {
    const ends = this.#heldToken() === expected && this.#holds().length > 0;
    if (ends) this.#endAll();
    this.#promote();
    return ends;
  }

  steal(claim: Claim, expected: number | null): Granted | Busy {
    const own = this.#grantOf(claim.owner, claim.ttl);
    if (own) return own;
    if (this.#heldToken() !== expected) return this.#busy(claim);
    this.#endAll();
    return this.#grant(claim);
  }

  /** False: nobody holds it. */
  requestRelease(): boolean {
    const { token } = this;
    return this.#tellHolders((listener, owner) => listener.releaseRequested?.(owner, token));
  }

  /** Whether the owner has it as exclusive, and has not released it. */
  isHeldBy(owner: Owner): boolean {
    return this.#exclusive?.owner === owner && !this.#exclusive.retained;
  }

  #endAll(): void {
    const { token } = this;
    this.#tellHolders((listener, owner) => listener.revoked(owner, token));
    this.#exclusive = undefined;
    this.#shares.clear();
  }

  /** False: there are none. */
  #tellHolders(message: (listener: StoreListener, owner: Owner) => void): boolean {
    const holders = this.#holds().filter(([, { retained }]) => !retained);
    for (const [owner] of holders) this.#host.tell(owner, (listener) => message(listener, owner));
    return holders.length > 0;
  }

  /** The exclusive hold, or the shared ones. */
  #holds(): [Owner, Hold][] {
    return this.#exclusive ? [[this.#exclusive.owner, this.#exclusive]] : [...this.#shares];
  }

  /** What the owner holds already, with a new lease. */
  #grantOf(owner: Owner, ttl: number): Granted | undefined {
    const hold = this.#holdOf(owner);
    if (!hold || hold.retained) return undefined;
    hold.until = this.#now + ttl;
    if (hold !== this.#exclusive) return { granted: true, token: this.#epoch, block: 1 };
    const { token, block } = this.#exclusive;
    return { granted: true, token, block };
  }

  /** Of whoever holds; null: nobody does. */
  #heldToken(): number | null {
    return this.#holds().length > 0 ? this.token : null;
  }

  #holdOf(owner: Owner): Hold | undefined {
    return this.#exclusive?.owner === owner ? this.#exclusive : this.#shares.get(owner);
  }

  /** Whether the claim may have it at once, past nobody. */
  #free(claim: Claim): boolean {
    return !this.#exclusive && this.#queue.length === 0 && this.#admissible(claim);
  }

  /** Whether one more fits its own bound, and that of everybody inside. */
  #admissible({ permits }: Claim): boolean {
    const { size } = this.#shares;
    if (permits === 0 || size === 0) return size === 0;
    return size < permits && [...this.#shares.values()].every((share) => size < share.permits);
  }

  #grant({ owner, permits, ttl, block }: Claim): Granted {
    const until = this.#now + ttl;
    if (permits > 0) {
      if (this.#shares.size === 0) this.#epoch = this.#host.nextToken(this.#now, 1);
      this.#shares.set(owner, { permits, until, retained: false });
      return { granted: true, token: this.#epoch, block: 1 };
    }
    const token = this.#host.nextToken(this.#now, block);
    this.#exclusive = { owner, token, block, until, retained: false };
    return { granted: true, token, block };
  }

  /** Grants to the heads of the queue as long as they are admissible; `self` gets its grant as the result. */
  #promote(self?: Owner): Granted | undefined {
    let own: Granted | undefined;
    for (let head = this.#nextAdmissible(); head; head = this.#nextAdmissible()) {
      const grant = this.#grant(head);
      if (head.owner === self) own = grant;
      else if (!this.#push(head, grant)) this.#drop(head.owner);
    }
    return own;
  }

  /** Takes the first living waiter out of the queue, if it may have the lock now. */
  #nextAdmissible(): Claim | undefined {
    const claim = this.#queue.firstAlive(this.#now);
    if (!claim || this.#exclusive || !this.#admissible(claim)) return undefined;
    this.#queue.leave(claim.owner);
    return claim;
  }

  #push({ owner, attempt }: Claim, grant: Granted): boolean {
    return this.#host.tell(owner, (listener) => listener.granted(owner, { ...grant, attempt, provisional: false }));
  }

  #drop(owner: Owner): void {
    if (this.#exclusive?.owner === owner) this.#exclusive = undefined;
    else this.#shares.delete(owner);
  }

  #busy(claim: Claim): Busy {
    const holds = this.#holds();
    const first = holds.reduce((least, [, hold]) => Math.min(least, hold.until), Number.POSITIVE_INFINITY);
    const until = holds.length > 0 ? first : this.#now;
    const [holder] = holds.find(([, { retained }]) => !retained) ?? [];
    return {
      granted: false,
      retryAfter: Math.ceil(until - this.#now),
      ...this.#queue.placeOf(claim.owner),
      holder,
    };
  }
}
