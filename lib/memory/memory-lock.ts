import type { Busy, Claim, Granted, Owner, Renewal, StoreListener, StoreState } from '../core/lock-store.js';

export interface MemoryLockHost {
  /** The first of `block` tokens that nobody has had. */
  nextToken(now: number, block: number): number;
  lastToken(): number | null;
  /** From now on all tokens are higher than this one. */
  raise(token: number): void;
  /** False: the owner's process is not there. */
  tell(owner: Owner, message: (listener: StoreListener) => void): boolean;
}

interface Exclusive {
  readonly owner: Owner;
  token: number;
  until: number;
  retained: boolean;
}

interface Share {
  until: number;
  retained: boolean;
}

interface Waiter {
  readonly owner: Owner;
  ticket: number;
  claim: Claim;
  aliveUntil: number;
}

/** One name in memory: its holders and its queue. The rules are those of `redis/scripts/lock`. */
export class MemoryLock {
  readonly #host: MemoryLockHost;
  #now = 0;
  #exclusive: Exclusive | undefined;
  readonly #shares = new Map<Owner, Share>();
  /** The token of all holders whose shares overlap. */
  #epoch = 0;
  #queue: Waiter[] = [];

  constructor(host: MemoryLockHost) {
    this.#host = host;
  }

  get unused(): boolean {
    return !this.#exclusive && this.#shares.size === 0 && this.#queue.length === 0;
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
    if (claim.alive > 0 && !this.#free(claim) && this.#hasRoom(claim)) this.#enqueue(claim);
    if (!this.#exclusive) {
      const granted = this.#promote(claim.owner);
      if (granted) return granted;
      if (this.#free(claim)) return this.#grant(claim);
    }
    return this.#busy(claim);
  }

  renew({ owner, ttl, token, block = 1 }: Renewal): boolean {
    const renewed = this.#grantOf(owner, ttl) !== undefined;
    if (renewed && token !== undefined) {
      this.#host.raise(token + block - 1);
      if (this.#exclusive) this.#exclusive.token = token;
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
      const [head] = this.#queue;
      if (head) this.#host.tell(head.owner, (listener) => listener.nudged(head.owner));
    } else this.#drop(owner);
    this.#promote();
    return true;
  }

  withdraw(owner: Owner): void {
    this.#queue = this.#queue.filter((waiter) => waiter.owner !== owner);
    this.release(owner, 0);
  }

  state(): StoreState {
    this.#promote();
    const lastToken = this.#host.lastToken();
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
    const waiting = this.#queue
      .filter(({ aliveUntil }) => aliveUntil > this.#now)
      .map(({ owner, ticket, claim }) => {
        const mode = claim.permits === 0 ? ('exclusive' as const) : ('shared' as const);
        return { owner, mode, waited: Math.max(0, this.#now - ticket / 1_000) };
      });
    return { holders: exclusive ? [exclusive] : holders, waiting, lastToken };
  }

  force(expected: number | null): boolean {
    const holds = this.#holds();
    const ends = this.#host.lastToken() === expected && holds.length > 0;
    if (ends) {
      this.#exclusive = undefined;
      this.#shares.clear();
      for (const [owner, { retained }] of holds) {
        if (!retained) this.#host.tell(owner, (listener) => listener.revoked(owner));
      }
    }
    this.#promote();
    return ends;
  }

  /** The exclusive hold, or the shared ones. */
  #holds(): [Owner, Share][] {
    return this.#exclusive ? [[this.#exclusive.owner, this.#exclusive]] : [...this.#shares];
  }

  /** What the owner holds already, with a new lease. */
  #grantOf(owner: Owner, ttl: number): Granted | undefined {
    const hold = this.#holdOf(owner);
    if (!hold || hold.retained) return undefined;
    hold.until = this.#now + ttl;
    if (hold !== this.#exclusive) return { granted: true, token: this.#epoch, block: 1 };
    const { token } = this.#exclusive;
    return { granted: true, token, block: (this.#host.lastToken() ?? token) - token + 1 };
  }

  #holdOf(owner: Owner): Exclusive | Share | undefined {
    return this.#exclusive?.owner === owner ? this.#exclusive : this.#shares.get(owner);
  }

  /** Whether the claim may have it at once, past nobody. */
  #free(claim: Claim): boolean {
    return !this.#exclusive && this.#queue.length === 0 && this.#admissible(claim);
  }

  #admissible({ permits }: Claim): boolean {
    return permits === 0 ? this.#shares.size === 0 : this.#shares.size < permits;
  }

  #grant({ owner, permits, ttl, block }: Claim): Granted {
    const until = this.#now + ttl;
    if (permits > 0) {
      if (this.#shares.size === 0) this.#epoch = this.#host.nextToken(this.#now, 1);
      this.#shares.set(owner, { until, retained: false });
      return { granted: true, token: this.#epoch, block: 1 };
    }
    const token = this.#host.nextToken(this.#now, block);
    this.#exclusive = { owner, token, until, retained: false };
    return { granted: true, token, block };
  }

  /** Whoever has a place, or had one, keeps it. */
  #hasRoom({ owner, ticket, maxWaiting = Number.POSITIVE_INFINITY }: Claim): boolean {
    if (ticket > 0 || this.#queue.length < maxWaiting) return true;
    this.#queue = this.#queue.filter(({ aliveUntil }) => aliveUntil > this.#now);
    return this.#queue.length < maxWaiting || this.#queue.some((waiter) => waiter.owner === owner);
  }

  #enqueue(claim: Claim): void {
    const place = this.#queue.find(({ owner }) => owner === claim.owner);
    const aliveUntil = this.#now + claim.alive;
    const last = this.#queue.at(-1)?.ticket ?? 0;
    const ticket = claim.ticket || place?.ticket || Math.max(Math.floor(this.#now * 1_000), last + 1);
    if (place) Object.assign(place, { claim, aliveUntil, ticket });
    else this.#queue.push({ owner: claim.owner, ticket, claim, aliveUntil });
    this.#queue.sort((a, b) => a.ticket - b.ticket);
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
    while (this.#queue[0] && this.#queue[0].aliveUntil <= this.#now) this.#queue.shift();
    const [head] = this.#queue;
    if (!head || this.#exclusive || !this.#admissible(head.claim)) return undefined;
    this.#queue.shift();
    return head.claim;
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
    const until = holds.length > 0 ? Math.min(...holds.map(([, hold]) => hold.until)) : this.#now;
    const [holder] = holds.find(([, { retained }]) => !retained) ?? [];
    const rank = this.#queue.findIndex(({ owner }) => owner === claim.owner);
    return {
      granted: false,
      retryAfter: Math.ceil(until - this.#now),
      ticket: this.#queue[rank]?.ticket ?? 0,
      rank: Math.max(0, rank),
      holder,
    };
  }
}
