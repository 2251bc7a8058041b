import type { Lock, LockedBody, LockOptions } from '../../../lib/index.js';
import { now } from '../history/event.js';
import type { Recorder } from '../history/history.js';
import { UNBOUNDED_PERMITS } from './orders.js';
import { type Witness, WitnessedLock } from './witnessed-lock.js';

export interface Wish {
  readonly name: string;
  readonly options: LockOptions & { wait: number };
}

/** What a call is beside a wish for a lock. */
export interface CallKind {
  readonly probe?: boolean;
  readonly once?: boolean;
  /** The request whose body calls. */
  readonly parent?: string | undefined;
}

/** The calls of one worker for locks, each recorded under a name of its own. */
export class Requests {
  readonly worker: string;
  readonly #witness: Witness;
  #count = 0;

  constructor(worker: string, witness: Witness) {
    this.worker = worker;
    this.#witness = witness;
  }

  get recorder(): Recorder {
    return this.#witness.recorder;
  }

  asked({ name, options }: Wish, { probe = false, once = false, parent }: CallKind = {}): string {
    const { worker } = this;
    const { wait, permits, mode, renew: renews = true, maxHold, reentrant = false } = options;
    this.#count += 1;
    const request = `${worker}#${this.#count}`;
    const bound = permits ?? (mode === 'shared' ? UNBOUNDED_PERMITS : 0);
    const terms = { name, permits: bound, wait, renews: renews && maxHold === undefined, probe, once };
    this.recorder.record({ at: now(), kind: 'asked', request, worker, ...terms, parent, reentrant });
    return request;
  }

  refused(request: string, error: unknown): void {
    const { ownChain, problem: note } = error as { ownChain?: boolean; problem?: string };
    this.recorder.record({ at: now(), kind: 'refused', request, code: codeOf(error), ownChain, note });
  }

  /** A body under a lock, by `run` or what is like it. `call` resolves to false when the lock was busy. */
  async run(
    wish: Wish,
    call: (body: LockedBody<void>) => Promise<boolean>,
    body: (lock: WitnessedLock) => Promise<void>,
    kind: CallKind = {},
  ): Promise<void> {
    const request = this.asked(wish, kind);
    let witnessed: WitnessedLock | undefined;
    try {
      const acquired = await call(async (lock) => {
        witnessed = this.witnessed(lock, request);
        await body(witnessed);
        witnessed.releasing();
      });
      if (!acquired) this.refused(request, { code: 'LOCK_BUSY' });
    } catch (error) {
      if (!witnessed) this.refused(request, error);
      else if (codeOf(error) === 'LOCK_LOST') witnessed.released(false);
      else throw error;
    }
  }

  witnessed(lock: Lock, request: string): WitnessedLock {
    return new WitnessedLock(lock, request, this.#witness);
  }
}

export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === 'string' ? code : (name ?? 'unknown');
}
