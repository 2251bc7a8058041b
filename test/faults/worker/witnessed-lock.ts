import type { Lock } from '../../../lib/index.js';
import { type Moment, now } from '../history/event.js';
import type { Recorder } from '../history/history.js';
import type { GuardedWrite } from '../register.js';
import { slotOf } from '../slot.js';

export interface Witness {
  readonly recorder: Recorder;
  /** Asks the guarded register; false: refused. */
  write(write: GuardedWrite): Promise<boolean>;
}

/** A lock whose every use is recorded. */
export class WitnessedLock {
  readonly request: string;
  readonly #lock: Lock;
  readonly #witness: Witness;

  constructor(lock: Lock, request: string, witness: Witness) {
    this.#lock = lock;
    this.request = request;
    this.#witness = witness;
    this.#record({ kind: 'granted', token: lock.fencingToken });
    const lost = (): void => this.#record({ kind: 'lost', why: String(lock.signal.reason?.why) });
    if (lock.signal.aborted) lost();
    else lock.signal.addEventListener('abort', lost, { once: true });
  }

  get name(): string {
    return this.#lock.name;
  }

  /** When the lease ends at the latest, unless the event loop turns and brings a renewal. */
  get deadline(): Moment {
    const remaining = this.#lock.remaining();
    return now() + remaining;
  }

  /** Writes if the lock is held; false: it is not, or the register refused. `deadline` is known from before. */
  async write(deadline = this.deadline): Promise<boolean> {
    if (!this.#check(deadline)) return false;
    const { name, fencingToken: token } = this.#lock;
    return this.#witness.write({ request: this.request, name, token });
  }

  async extend(ttl?: number): Promise<void> {
    await this.#lock.extend(ttl).catch(() => {});
  }

  /** Stops the event loop under the lock: a fault of the process's own making. */
  stall(ms: number): void {
    const { recorder } = this.#witness;
    const fault = `body-stall ${this.request} ${now()}`;
    recorder.record({ at: now(), kind: 'fault', fault, nemesis: 'body-stall', workers: [slotOf(this.request)] });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    recorder.record({ at: now(), kind: 'healed', fault });
  }

  /** The caller gives it back by itself, as `run` does. */
  releasing(): void {
    this.#check(this.deadline);
    this.#record({ kind: 'releasing' });
  }

  async release(): Promise<void> {
    this.releasing();
    this.released(await this.#lock.release().catch(() => null));
  }

  released(answer: boolean | null): void {
    this.#record({ kind: 'released', answer });
  }

  #check(deadline: Moment): boolean {
    const at = now();
    const held = this.#lock.held && !this.#lock.signal.aborted;
    this.#witness.recorder.record({ at, request: this.request, kind: 'checked', held, deadline });
    return held;
  }

  #record(
    event: { kind: 'granted'; token: number } | { kind: 'lost'; why: string } | { kind: 'releasing' } | Answered,
  ): void {
    this.#witness.recorder.record({ at: now(), request: this.request, ...event });
  }
}

type Answered = { kind: 'released'; answer: boolean | null };
