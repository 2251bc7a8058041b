import type { Lock, LockOptions } from '../../../lib/index.js';
import { now } from '../history/event.js';
import type { Recorder } from '../history/history.js';
import { UNBOUNDED_PERMITS } from './orders.js';
import { type Witness, WitnessedLock } from './witnessed-lock.js';

export interface Wish {
  readonly name: string;
  readonly options: LockOptions & { wait: number };
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

  asked({ name, options }: Wish, { probe = false, once = false } = {}): string {
    const { worker } = this;
    const { wait, permits, mode, renew: renews = true, maxHold } = options;
    this.#count += 1;
    const request = `${worker}#${this.#count}`;
    const bound = permits ?? (mode === 'shared' ? UNBOUNDED_PERMITS : 0);
    const terms = { name, permits: bound, wait, renews: renews && maxHold === undefined, probe, once };
    this.recorder.record({ at: now(), kind: 'asked', request, worker, ...terms });
    return request;
  }

  refused(request: string, error: unknown): void {
    this.recorder.record({ at: now(), kind: 'refused', request, code: codeOf(error) });
  }

  witnessed(lock: Lock, request: string): WitnessedLock {
    return new WitnessedLock(lock, request, this.#witness);
  }
}

export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === 'string' ? code : (name ?? 'unknown');
}
