import fc from 'fast-check';
import type { Busy, Granted, LockStore, Owner, PushedGrant, ReleaseAnswer, StoreState } from '../../lib/index.js';

/** An operation of the port by one of a few callers. */
export type LockStep =
  | { do: 'acquire'; slot: number; permits: number; waits: boolean; ttl: number; alive: number; block: number }
  | { do: 'renew'; slot: number; ttl: number }
  | { do: 'release'; slot: number; retain: number }
  | { do: 'withdraw'; slot: number }
  | { do: 'force'; expected: 'last' | 'other' | 'none' }
  | { do: 'inspect' };

export interface StepTimes {
  ttl: fc.Arbitrary<number>;
  alive: fc.Arbitrary<number>;
  retain: fc.Arbitrary<number>;
}

/** Random operations of `slots` callers. */
export function lockSteps(slots: number, { ttl, alive, retain }: StepTimes): fc.Arbitrary<LockStep> {
  const slot = fc.nat(slots - 1);
  const permits = fc.constantFrom(0, 0, 0, 1, 2, 2, 3, Number.MAX_SAFE_INTEGER);
  const waits = fc.constantFrom(true, true, true, false);
  const mayKeep = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: retain });
  const is = <D extends LockStep['do']>(name: D) => fc.constant(name);
  const block = fc.integer({ min: 1, max: 4 });
  const expected = fc.constantFrom('last', 'other', 'none');
  return fc.oneof(
    { weight: 10, arbitrary: fc.record({ do: is('acquire'), slot, permits, waits, ttl, alive, block }) },
    { weight: 2, arbitrary: fc.record({ do: is('renew'), slot, ttl }) },
    { weight: 6, arbitrary: fc.record({ do: is('release'), slot, retain: mayKeep }) },
    { weight: 2, arbitrary: fc.record({ do: is('withdraw'), slot }) },
    { weight: 1, arbitrary: fc.record({ do: is('force'), expected }) },
    { weight: 1, arbitrary: fc.record({ do: is('inspect') }) },
  );
}

/** An owner, as the process that made it knows it. */
export interface Caller {
  readonly owner: Owner;
  readonly permits: number;
  readonly waits: boolean;
  attempt: number;
  /** It has given back what it had. It may repeat that, but never asks again. */
  ended: boolean;
}

/** Who asks in which slot. */
export class Callers {
  readonly #current = new Map<number, Caller>();
  #seq = 0;

  /** The slots belong to the instances in turn. */
  constructor(readonly instances: readonly string[]) {}

  /** Whoever makes the step: for `acquire` an owner that may ask, else the latest of the slot. */
  of(step: LockStep): Caller {
    const slot = 'slot' in step ? step.slot : 0;
    const current = this.#current.get(slot);
    if (current && !(current.ended && step.do === 'acquire')) {
      if (step.do === 'acquire') current.attempt += 1;
      return current;
    }
    this.#seq += 1;
    const owner = `${this.instances[slot % this.instances.length]}#${this.#seq}`;
    const { permits, waits } = step.do === 'acquire' ? step : { permits: 0, waits: false };
    const caller = { owner, permits, waits, attempt: 1, ended: false };
    this.#current.set(slot, caller);
    return caller;
  }

  /** Whoever has given back what it had, or had it taken away, does not ask again. */
  note(step: LockStep, caller: Caller, answer: unknown, messages: readonly Message[]): void {
    caller.ended ||= step.do === 'withdraw' || (step.do === 'release' && answer === true);
    const revoked = messages.filter(({ kind }) => kind === 'revoked').map(({ owner }) => owner);
    for (const current of this.#current.values()) current.ended ||= revoked.includes(current.owner);
  }
}

export type Message =
  | ({ kind: 'granted'; owner: Owner } & PushedGrant)
  | { kind: 'revoked'; owner: Owner; token: number | null }
  | { kind: 'nudged'; owner: Owner };

/** One lock of one store, with what its callers know of it. */
export class LockWorld {
  readonly #tickets = new Map<Owner, number>();
  #messages: Message[] = [];
  #lastToken: number | null = null;

  constructor(
    readonly store: LockStore,
    readonly name: string,
  ) {}

  async perform(step: LockStep, caller: Caller): Promise<Granted | Busy | ReleaseAnswer | undefined> {
    const { store, name } = this;
    const { owner } = caller;
    switch (step.do) {
      case 'acquire':
        return this.#acquire(step, caller);
      case 'renew':
        return store.renew({ name, owner, ttl: step.ttl });
      case 'release':
        return store.release({ name, owner, retain: step.retain });
      case 'withdraw':
        await store.withdraw({ name, owner });
        return undefined;
      case 'force':
        return store.force(
          name,
          { last: this.#lastToken, other: (this.#lastToken ?? 0) - 1, none: null }[step.expected],
        );
      case 'inspect':
        await this.inspect();
        return undefined;
    }
  }

  async inspect(): Promise<StoreState> {
    const state = await this.store.inspect(this.name);
    this.#lastToken = state.lastToken;
    return state;
  }

  hear(message: Message): void {
    this.#messages.push(message);
  }

  /** What was told since the last look. */
  takeMessages(): Message[] {
    const messages = this.#messages;
    this.#messages = [];
    return messages;
  }

  async #acquire(step: Extract<LockStep, { do: 'acquire' }>, caller: Caller): Promise<Granted | Busy> {
    const { owner, permits, waits, attempt } = caller;
    const { ttl, block } = step;
    const alive = waits ? step.alive : 0;
    const ticket = this.#tickets.get(owner) ?? 0;
    const answer = await this.store.acquire({ name: this.name, owner, permits, ttl, alive, ticket, attempt, block });
    if (!answer.granted) this.#tickets.set(owner, answer.ticket);
    return answer;
  }
}

/** Lets whoever is subscribed tell the world that is being looked at. */
export function tellWorld(current: () => LockWorld | undefined) {
  const note = (message: Message): void => current()?.hear(message);
  return {
    granted: (owner: Owner, grant: PushedGrant): void => note({ kind: 'granted', owner, ...grant }),
    revoked: (owner: Owner, token: number | undefined): void => note({ kind: 'revoked', owner, token: token ?? null }),
    nudged: (owner: Owner): void => note({ kind: 'nudged', owner }),
    reconnected: (): void => {},
  };
}
