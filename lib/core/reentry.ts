import { LockBusyError, LockOptionsError } from './errors.js';
import type { Hold } from './hold.js';
import { labelOf } from './instance.js';
import type { LockHandle } from './lock.js';
import type { NestedPlace } from './nested-place.js';
import { type ResolvedLockOptions, UNBOUNDED } from './options.js';

/** A hold of the own call chain, and the lock that its innermost frame has. */
export interface OuterHold {
  readonly lock: LockHandle;
  readonly hold: Hold;
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
export function isOpen({ lock, hold }: OuterHold): boolean {
  return lock.openHoldOf(hold.name) === hold;
}

/** The place in each of the frames, if all of them are free at this moment. */
export function takePlaces(outer: readonly OuterHold[]): readonly NestedPlace[] | undefined {
  const taken: NestedPlace[] = [];
  for (const { lock, hold } of outer) {
    const place = lock.placeFor(hold);
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
  outer: readonly OuterHold[],
  { left, waited, signal }: NestedWait,
): Promise<readonly NestedPlace[] | undefined> {
  const places: NestedPlace[] = [];
  const leave = (): void => {
    for (const place of places) place.leave();
  };
  try {
    for (const { lock, hold } of outer) {
      const place = lock.placeFor(hold);
      const busy = (): Error => {
        const { lease, name } = hold;
        return new LockBusyError(name, waited(), [labelOf(lease.terms.owner)], lease.remaining(), false, true);
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
export function assertGiven(hold: Hold, { asked = {}, ...wanted }: ResolvedLockOptions): void {
  const { terms, ttl } = hold.lease;
  const { permits, replicas, renew, maxHold } = terms;
  const { holdAtLeast } = hold;
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
      `The option \`${key}\` of a nested call is ${show(key, wanted[key])}, and the lock "${hold.name}" that it shares ` +
        `has ${show(key, given[key])}: give the outer call what the inner one needs, or leave \`reentrant\` out.`,
    );
  }
}

const IN_MS: readonly string[] = ['ttl', 'holdAtLeast', 'maxHold'];

function show(key: string, value: unknown): string {
  if (value === UNBOUNDED) return 'no bound';
  return IN_MS.includes(key) && value !== Number.POSITIVE_INFINITY ? `${value} ms` : String(value);
}
