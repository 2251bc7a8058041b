import { expect } from 'vitest';
import type { Busy, Granted, Owner } from '../../lib/index.js';
import type { Caller, LockStep, Message } from './lock-steps.js';

interface Hold {
  readonly owner: Owner;
  readonly permits: number;
  readonly token: number;
  readonly block: number;
  until: number;
  kept: boolean;
}

interface Wait {
  readonly owner: Owner;
  readonly permits: number;
  readonly ticket: number;
  readonly ttl: number;
  readonly aliveUntil: number;
  readonly attempt: number;
  readonly block: number;
}

interface Grant extends Granted {
  readonly owner: Owner;
}

/**
 * Somebody who hears every question and every answer, has the same clock as the store, and checks that what the store
 * says keeps the rules. Knows nothing of how the store does it.
 */
export class LockWitness {
  readonly #isDeaf: (owner: Owner) => boolean;
  #now = 0;
  #holds: Hold[] = [];
  #waits: Wait[] = [];
  /** A waiter that was forgotten comes back to its place. */
  readonly #tickets = new Map<Owner, number>();
  /** The last token that was given out or set aside. */
  #lastToken = 0;

  /** `isDeaf`: whether no message reaches the owner. */
  constructor(isDeaf: (owner: Owner) => boolean) {
    this.#isDeaf = isDeaf;
  }

  /** So much time has passed. */
  pass(ms: number): void {
    this.#now += ms;
    this.#holds = this.#holds.filter(({ until }) => until > this.#now);
    // The dead have no place: they come back only when they ask again.
    this.#waits = this.#waits.filter(({ aliveUntil }) => aliveUntil > this.#now);
  }

  /** What an operation was answered, and what was told meanwhile. */
  witness(step: LockStep, caller: Caller, answer: unknown, messages: readonly Message[]): void {
    const before = new Set(this.#living.map(({ owner }) => owner));
    const pushed = messages.filter((message) => message.kind === 'granted');
    for (const { owner, attempt } of pushed) expect(attempt).toBe(this.#waitOf(owner)?.attempt);
    const direct = this.#apply(step, caller, answer);
    if (step.do === 'force' && answer === true) {
      const revoked = messages.filter(({ kind }) => kind === 'revoked').map(({ owner }) => owner);
      expect(new Set(revoked)).toEqual(new Set([...before].filter((owner) => !this.#isDeaf(owner))));
    }
    this.#serve([...pushed, ...(direct ? [direct] : [])]);
    this.#expectNobodyStuck();
  }

  get #living(): Hold[] {
    return this.#holds.filter(({ kept }) => !kept);
  }

  /** The operation itself. Returns what it was granted without having been a holder before. */
  #apply(step: LockStep, caller: Caller, answer: unknown): Grant | undefined {
    const { owner } = caller;
    const hold = this.#holds.find((each) => each.owner === owner);
    const isHolder = hold !== undefined && !hold.kept;
    switch (step.do) {
      case 'acquire':
        return this.#applyAcquire(step, caller, answer as Granted | Busy);
      case 'renew':
        expect(answer).toBe(isHolder);
        if (isHolder) hold.until = this.#now + step.ttl;
        return undefined;
      case 'release':
        expect(answer).toBe(hold !== undefined);
        if (isHolder) this.#end(hold, step.retain);
        return undefined;
      case 'withdraw':
        this.#waits = this.#waits.filter((wait) => wait.owner !== owner);
        if (isHolder) this.#end(hold, 0);
        return undefined;
      case 'force':
        expect(answer).toBe(step.expected === 'last' && this.#holds.length > 0);
        if (answer) this.#holds = [];
        return undefined;
      case 'inspect':
        return undefined;
    }
  }

  #applyAcquire(
    { ttl, alive, block }: Extract<LockStep, { do: 'acquire' }>,
    { owner, permits, waits, attempt }: Caller,
    answer: Granted | Busy,
  ): Grant | undefined {
    const hold = this.#living.find((each) => each.owner === owner);
    if (hold) {
      expect(answer).toEqual({ granted: true, token: hold.token, block: hold.block });
      hold.until = this.#now + ttl;
      return undefined;
    }
    const claim = { owner, permits, ttl, attempt, block };
    const place = this.#waitOf(owner);
    if (!answer.granted) {
      expect(answer.ticket > 0).toBe(waits);
      if (waits) expect(answer.ticket).toBe(this.#tickets.get(owner) ?? answer.ticket);
    }
    if (waits || answer.granted) {
      // Whoever comes new and is granted it at once stands behind everybody, for that moment.
      const ticket = this.#tickets.get(owner) ?? (answer.granted ? Number.POSITIVE_INFINITY : answer.ticket);
      if (!answer.granted) this.#tickets.set(owner, ticket);
      this.#waits = this.#waits.filter((wait) => wait !== place);
      // A store may forget a waiter earlier, and says so.
      const lives = answer.granted ? alive : Math.min(alive, answer.aliveFor ?? alive);
      this.#waits.push({ ...claim, ticket, aliveUntil: this.#now + lives });
      this.#waits.sort((a, b) => a.ticket - b.ticket);
    }
    return answer.granted ? { ...answer, owner } : undefined;
  }

  #end(hold: Hold, retain: number): void {
    if (retain === 0) this.#holds = this.#holds.filter((each) => each !== hold);
    else Object.assign(hold, { kept: true, until: this.#now + retain });
  }

  /** Whoever stands at the head and may have it must have been granted it, and nobody else. */
  #serve(grants: readonly Grant[]): void {
    const left = new Map(grants.map((grant) => [grant.owner, grant]));
    for (let [head] = this.#waits; head && this.#admissible(head.permits); [head] = this.#waits) {
      const grant = left.get(head.owner);
      // Without a grant the waiter is passed over only when it cannot be told.
      if (!grant && !this.#isDeaf(head.owner)) break;
      this.#waits.shift();
      if (!grant) continue;
      left.delete(head.owner);
      this.#take(head, grant);
    }
    expect([...left.keys()], 'granted out of turn').toEqual([]);
  }

  #take({ owner, permits, ttl, block }: Wait, grant: Grant): void {
    const [overlapping] = this.#holds;
    if (permits > 0 && overlapping) expect(grant.token).toBe(overlapping.token);
    else expect(grant.token).toBeGreaterThan(this.#lastToken);
    // While a store's tokens are ahead of its clock, it sets no more aside.
    expect(grant.block).toBeLessThanOrEqual(permits > 0 ? 1 : block);
    this.#lastToken = grant.token + grant.block - 1;
    this.#holds.push({ owner, permits, token: grant.token, block: grant.block, until: this.#now + ttl, kept: false });
  }

  /** Never a reader with a writer, never more than the permits of anybody inside, or of whoever asks. */
  #admissible(permits: number): boolean {
    if (permits === 0) return this.#holds.length === 0;
    return this.#holds.length < permits && this.#holds.every((hold) => this.#holds.length < hold.permits);
  }

  #expectNobodyStuck(): void {
    const [head] = this.#waits;
    if (head) expect(this.#admissible(head.permits), `${head.owner} is stuck`).toBe(false);
  }

  #waitOf(owner: Owner): Wait | undefined {
    return this.#waits.find((wait) => wait.owner === owner);
  }
}
