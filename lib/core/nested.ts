import type { Acquisition } from './acquisition.js';
import { LockBusyError, LockOptionsError } from './errors.js';
import { labelOf } from './instance.js';
import type { HeldLock } from './lock.js';
import { type ResolvedLockOptions, UNBOUNDED } from './options.js';
import { onAbort } from './signals.js';
import { after } from './timer.js';

interface Entrant {
  /** Settles its wait: true when the place is its own, false when the frame has ended. */
  readonly settle: (isOwn: boolean) => void;
}

/**
 * The one place beside the body of a frame for a nested call that shares a hold with it: those who share a hold run one
 * at a time, in the order in which they came.
 */
export class NestedPlace {
  #taken = false;
  #closed = false;
  #onEmpty: (() => void) | undefined;
  readonly #waiting = new Set<Entrant>();

  get taken(): boolean {
    return this.#taken;
  }

  /** True: it was free, and is the caller's, who leaves it later. */
  take(): boolean {
    if (this.#closed || this.#taken) return false;
    this.#taken = true;
    return true;
  }

  /**
   * True: the place is the caller's, who leaves it later. False: the body of the frame has ended, and takes nobody in.
   * Rejects with `busy()` when `wait` ms are over before, and with the reason of `signal`.
   */
  enter(wait: number, signal: AbortSignal | undefined, busy: () => Error): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    if (this.take()) return Promise.resolve(true);
    if (wait <= 0) return Promise.reject(busy());
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(entrant);
        cancelWait?.();
        cancelAbort?.();
      };
      const fail = (error: unknown): void => {
        leave();
        reject(error);
      };
      const entrant: Entrant = {
        settle: (isOwn) => {
          leave();
          resolve(isOwn);
        },
      };
      this.#waiting.add(entrant);
      const cancelWait =
        wait === Number.POSITIVE_INFINITY ? undefined : after(wait, () => fail(busy()), { awaited: true });
      const cancelAbort = signal && onAbort(signal, () => fail(signal.reason));
    });
  }

  /** Whoever has it gives it to the next. */
  leave(): void {
    const [next] = this.#waiting;
    this.#taken = next !== undefined;
    if (next) next.settle(true);
    else this.#onEmpty?.();
  }

  /** Calls `listener` when whoever is in the place leaves it. Of one that is closed, so that nobody comes after. */
  whenEmpty(listener: () => void): void {
    this.#onEmpty = listener;
  }

  /** The body of the frame has ended. Whoever is in the place goes on, and nobody enters it any more. */
  close(): void {
    this.#closed = true;
    for (const entrant of [...this.#waiting]) entrant.settle(false);
  }
}

/** What the own call chain holds of a name, and the innermost lock that has it. */
export interface Outer {
  readonly lock: HeldLock;
  readonly part: Acquisition;
}

/** How long a nested call waits for those that share the hold with it. */
export interface NestedWait {
  /** What is left of it, in ms. */
  left(): number;
  /** What is over of it, in ms. */
  waited(): number;
  readonly signal: AbortSignal | undefined;
}

/** Whether the body under it still runs, so that nested calls may share it. */
export function isOpen({ lock, part }: Outer): boolean {
  return lock.openPart(part.name) === part;
}

/** The place in each of the frames, if all of them are free at this moment. */
export function takePlaces(outer: readonly Outer[]): readonly NestedPlace[] | undefined {
  const taken: NestedPlace[] = [];
  for (const { lock, part } of outer) {
    const place = lock.placeFor(part);
    if (place.take()) taken.push(place);
  }
  if (taken.length === outer.length) return taken;
  for (const place of taken) place.leave();
  return undefined;
}

/**
 * Waits until the caller is the one nested call in each of the frames. Undefined: one of them has ended meanwhile, and
 * there is another, or none, to share with.
 */
export async function enterFrames(
  outer: readonly Outer[],
  { left, waited, signal }: NestedWait,
): Promise<readonly NestedPlace[] | undefined> {
  const places: NestedPlace[] = [];
  const leave = (): void => {
    for (const place of places) place.leave();
  };
  try {
    for (const { lock, part } of outer) {
      const place = lock.placeFor(part);
      const busy = (): Error => {
        const { claim, name } = part;
        return new LockBusyError(name, waited(), [labelOf(claim.owner)], claim.remaining(), false, true);
      };
      if (!(await place.enter(left(), signal, busy))) break;
      places.push(place);
    }
  } catch (error) {
    leave();
    throw error;
  }
  if (places.length === outer.length && outer.every(isOpen)) return places;
  leave();
  return undefined;
}

/** Throws `LockOptionsError` when the call asks for something that the hold that it would share does not give. */
export function assertGiven(
  { name, claim, options }: Acquisition,
  { asked = {}, ...wanted }: ResolvedLockOptions,
): void {
  const { permits, replicas, renews: renew, maxHold, length: ttl } = claim;
  const { holdAtLeast } = options;
  // What shares an exclusive hold is never more than one at a time.
  const given = { permits: permits || 1, replicas, renew, maxHold, ttl, holdAtLeast };
  const isLess: Record<keyof typeof given, boolean> = {
    permits: given.permits > wanted.permits,
    replicas: given.replicas < wanted.replicas,
    renew: given.renew !== wanted.renew,
    maxHold: given.maxHold > wanted.maxHold,
    ttl: given.ttl < wanted.ttl,
    holdAtLeast: given.holdAtLeast < wanted.holdAtLeast,
  };
  for (const key of Object.keys(given) as (keyof typeof given)[]) {
    if (asked[key] === undefined || !isLess[key]) continue;
    throw new LockOptionsError(
      `The option \`${key}\` of a nested call is ${show(key, wanted[key])}, and the lock "${name}" that it shares ` +
        `has ${show(key, given[key])}: give the outer call what the inner one needs, or leave \`reentrant\` out.`,
    );
  }
}

const IN_MS: readonly string[] = ['ttl', 'holdAtLeast', 'maxHold'];

function show(key: string, value: unknown): string {
  if (value === UNBOUNDED) return 'no bound';
  return IN_MS.includes(key) && value !== Number.POSITIVE_INFINITY ? `${value} ms` : String(value);
}
