import type { Lock, LockOptions } from '../../../lib/index.js';
import { slotOf } from '../../faults/slot.js';
import { UNBOUNDED_PERMITS } from '../../faults/worker/orders.js';
import type { SimProcess } from '../machine/process.js';
import type { Chronicle, GuardedRegister } from './chronicle.js';

export interface Wish {
  readonly name: string;
  readonly options: LockOptions & { wait: number };
}

export interface CallKind {
  readonly probe?: boolean;
  readonly once?: boolean;
  /** The request in whose body it is made. */
  readonly parent?: string | undefined;
  readonly reentrant?: boolean;
}

export interface Witness {
  readonly process: SimProcess;
  readonly chronicle: Chronicle;
  readonly register: GuardedRegister;
}

/** What a call may be refused with. */
const EXPECTED = /^(LOCK_(BUSY|UNAVAILABLE|LOST|CLOSED|UPGRADE|OPTIONS)|AbortError|THROWN|done|busy)$/;

/** The calls of one process for locks, each recorded under a name of its own. */
export class Calls {
  readonly witness: Witness;
  #count = 0;

  constructor(witness: Witness) {
    this.witness = witness;
  }

  asked({ name, options }: Wish, kind: CallKind = {}): string {
    const { process, chronicle } = this.witness;
    const { wait, permits, mode, renew = true, maxHold } = options;
    this.#count += 1;
    const request = `${process.name}#${this.#count}`;
    const bound = permits ?? (mode === 'shared' ? UNBOUNDED_PERMITS : 0);
    const renews = renew && maxHold === undefined;
    chronicle.record({ kind: 'asked', request, worker: process.name, name, permits: bound, wait, renews, ...kind });
    return request;
  }

  refused(request: string, error: unknown): void {
    const code = codeOf(error);
    const { ownChain } = error as { ownChain?: boolean };
    this.witness.chronicle.record({ kind: 'refused', request, code, ...(ownChain && { ownChain }) });
    if (!EXPECTED.test(code)) this.witness.process.crashed(error);
  }

  witnessed(lock: Lock, request: string, name: string): WitnessedLock {
    return new WitnessedLock(lock, request, name, this.witness);
  }
}

export function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: string };
  return typeof code === 'string' ? code : (name ?? 'unknown');
}

/** A lock whose every use is recorded; of a lock of several names, the part of one. */
export class WitnessedLock {
  readonly request: string;
  readonly name: string;
  readonly lock: Lock;
  readonly token: number;
  readonly #witness: Witness;

  constructor(lock: Lock, request: string, name: string, witness: Witness) {
    this.lock = lock;
    this.request = request;
    this.name = name;
    this.token = lock.fencingTokens.get(name) as number;
    this.#witness = witness;
    witness.chronicle.record({ kind: 'granted', request, token: this.token });
    if (lock.signal.aborted) this.#lost();
    else lock.signal.addEventListener('abort', () => this.#lost(), { once: true });
  }

  /** In true time: when the lease ends at the latest, unless a renewal comes. */
  get deadline(): number {
    const { process, chronicle } = this.#witness;
    return chronicle.now + this.lock.remaining() / process.rate;
  }

  look(deadline = this.deadline): boolean {
    const held = this.lock.held && !this.lock.signal.aborted;
    this.#witness.chronicle.record({ kind: 'checked', request: this.request, held, deadline });
    return held;
  }

  /** Writes if the lock is held; false: it is not, or the register refused. */
  async write(deadline = this.deadline): Promise<boolean> {
    if (!this.look(deadline)) return false;
    const { process, register } = this.#witness;
    await sleep(process, 1);
    return register.write(this.request, this.name, this.token);
  }

  /** The event loop stands still under the lock, and then writes at once. */
  async stall(ms: number): Promise<void> {
    const { process, chronicle } = this.#witness;
    const { deadline } = this;
    const fault = `body-stall ${this.request} ${chronicle.now}`;
    chronicle.record({ kind: 'fault', fault, nemesis: 'body-stall', workers: [slotOf(process.name)] });
    await process.stall(ms);
    chronicle.record({ kind: 'healed', fault });
    await this.write(deadline);
  }

  /** The caller gives it back by itself, as `run` does. */
  releasing(): void {
    this.look();
    this.#witness.chronicle.record({ kind: 'releasing', request: this.request });
  }

  async release(): Promise<void> {
    this.releasing();
    this.#witness.chronicle.explicit.add(this.request);
    this.released(await this.lock.release().catch(() => null));
  }

  released(answer: boolean | null): void {
    this.#witness.chronicle.record({ kind: 'released', request: this.request, answer });
  }

  #lost(): void {
    const { why, lockName } = this.lock.signal.reason as { why?: string; lockName?: string };
    if (lockName !== undefined && lockName !== this.name) return;
    this.#witness.chronicle.record({ kind: 'lost', request: this.request, why: String(why) });
  }
}

/** By the process's own clock. */
export function sleep(process: SimProcess, ms: number): Promise<void> {
  return new Promise((resolve) => void process.setTimer(resolve, ms));
}
