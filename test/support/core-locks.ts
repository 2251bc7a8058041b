import type { HeldLock } from '../../lib/core/lock.js';
import { type LockedBody, Locker } from '../../lib/core/locker.js';
import { resolveNames } from '../../lib/core/names.js';
import { resolveLockOptions } from '../../lib/core/options.js';
import type { Lock, LockName, LockOptions, LockServiceOptions, LockStore } from '../../lib/index.js';
import { type ResolvedServiceOptions, resolveServiceOptions } from '../../lib/service/service-options.js';
import { FakeClock, pass, settle } from './fake-time.js';
import { busy, granted, type ScriptedStore } from './scripted-store.js';

/** A `Locker` as `LockService` uses it, on a store and in a time that the test commands. */
export class CoreLocks {
  readonly clock = new FakeClock();
  readonly locker: Locker;
  readonly #options: ResolvedServiceOptions;

  constructor(store: LockStore, options: LockServiceOptions = {}) {
    this.#options = resolveServiceOptions({ instance: 'here', ...options });
    this.locker = new Locker(store, this.clock, this.#options);
  }

  acquire(name: LockName, options?: LockOptions): Promise<HeldLock> {
    return this.locker.acquire(resolveNames(name), resolveLockOptions(this.#options.defaults, options));
  }

  run<T>(name: LockName, options: LockOptions, body: LockedBody<T>): Promise<T> {
    return this.locker.run(resolveNames(name), resolveLockOptions(this.#options.defaults, options), body);
  }

  close(): Promise<void> {
    return this.locker.close();
  }
}

/** What became of a promise, without waiting for it: `undefined` as long as nothing has. */
export interface Watched<T> {
  value?: T;
  error?: unknown;
  settled: boolean;
}

/** Watches a promise, which may stay open or reject. */
export function watch<T>(promise: Promise<T>): Watched<T> {
  const watched: Watched<T> = { settled: false };
  promise.then(
    (value) => Object.assign(watched, { settled: true, value }),
    (error: unknown) => Object.assign(watched, { settled: true, error }),
  );
  return watched;
}

/**
 * Callers of one name, with the options of each: the first holds, with a lease granted just now that may serve `block` of
 * them; the others wait. The store has forgotten the calls so far.
 */
export async function holdFirst(
  locks: CoreLocks,
  store: ScriptedStore,
  options: readonly LockOptions[],
  { token = 100, block = options.length } = {},
): Promise<Watched<Lock>[]> {
  const wants = options.map((each) => watch<Lock>(locks.acquire('door', each)));
  await settle();
  store.next('acquire').answer(busy({ retryAfter: 0 }));
  await pass(10);
  const claim = store.next('acquire');
  store.forget();
  claim.answer(granted({ token, block }));
  await settle();
  if (!wants[0]?.settled || wants.some(({ settled }, index) => index > 0 && settled))
    throw new Error('One should hold');
  return wants;
}
