import { LockUnavailableError } from '../../../core/errors.js';
import { Registry } from '../../../core/registry.js';
import { runtime } from '../../../core/runtime.js';
import { after, type CancelTimer } from '../../../core/timer.js';
import { Swept } from './swept.js';

/** Of one server, as far as it is known here. */
export interface Reach {
  /** Whether it can be asked now. Default: always. */
  readonly reachable?: boolean;
  /** Calls `listener` each time that it can be asked (again); what a client sends again by itself goes before. */
  onReachable?(listener: () => void): void;
}

/** What the server may have of one owner: a vote, a place in its queue, or a mark. */
interface Stake {
  readonly key: string;
  /** How long that lives when it is left alone, in ms. */
  life: number;
  /** By when it is over unless something more is asked for. */
  over: number;
  /** How many asks are on their way. */
  asks: number;
  /** An ask was answered, or may have been carried out. */
  isLeft: boolean;
  /** How to take it back, once nobody wants it any more. */
  end: (() => Promise<unknown>) | undefined;
  /** A try of that which is on its way. */
  sending: Promise<unknown> | undefined;
  /** From then on it needs no further try. */
  until: number | undefined;
}

/** How soon it is tried again where nothing says that the server is back. */
const RETRY_MS = 1_000;
/** How many are taken back at the same time, when a server is back. */
const AT_ONCE = 100;

/**
 * What one server may have of us. Whatever nobody wants any more is taken back: now, again after each ask that is on its
 * way (an answer may be late, and a client sends again after a reconnect what was not answered), and again after each
 * failure, until the server has answered or what it may have is over by itself.
 */
export class Stakes {
  readonly #reach: Reach;
  readonly #stakes = new Swept<Stake>(({ asks, end, over }, now) => asks === 0 && !end && now > over);
  /** Those whose last try has failed. */
  readonly #overdue = new Registry<string, Stake>();
  #isRepeating = false;
  #cancelTimer: CancelTimer | undefined;

  constructor(reach: Reach) {
    this.#reach = reach;
    reach.onReachable?.(() => void this.#repeat());
  }

  /** How many there are. */
  get size(): number {
    return this.#stakes.size;
  }

  has(key: string): boolean {
    return this.#stakes.get(key) !== undefined;
  }

  /**
   * Asks for something that lives for `life` ms; what was to be taken back is wanted again. One thing after the other: a
   * try to take it back that came later would take what this has won. `leaves`: whether such an answer says that there is
   * something.
   */
  async ask<T>(key: string, life: number, leaves: (answer: T) => boolean, ask: () => Promise<T>): Promise<T> {
    const stake = this.#stakes.get(key) ?? this.#open(key);
    stake.end = undefined;
    stake.until = undefined;
    stake.asks += 1;
    this.#touch(stake, life);
    try {
      while (stake.sending) await quietly(stake.sending);
      const answer = await ask();
      stake.isLeft ||= leaves(answer);
      return answer;
    } catch (error) {
      stake.isLeft ||= mayHaveRun(error);
      throw error;
    } finally {
      stake.asks -= 1;
      this.#touch(stake, life);
      this.#answered(stake);
    }
  }

  /** What is there lives for `life` ms more. */
  extend(key: string, life: number): void {
    const stake = this.#stakes.get(key);
    if (stake) this.#touch(stake, life);
  }

  /** Takes it back by `end`, now and later as often as need be. Resolves to, or rejects with, what the first try does. */
  async takeBack<T>(key: string, end: () => Promise<T>): Promise<T> {
    const stake = this.#stakes.get(key);
    if (!stake) return end();
    stake.end = end;
    while (stake.sending) await quietly(stake.sending);
    return this.#stakes.get(key) === stake && stake.end === end ? this.#send(stake, end) : end();
  }

  /** It is wanted for good, or over. */
  forget(key: string): void {
    const stake = this.#stakes.get(key);
    if (stake) this.#close(stake);
  }

  /** Resolves when no try is on its way. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#stakes.values().map(({ sending }) => sending));
  }

  clear(): void {
    this.#cancelTimer?.();
    for (const stake of this.#stakes.values()) this.#close(stake);
  }

  #open(key: string): Stake {
    const none = { end: undefined, sending: undefined, until: undefined };
    const stake: Stake = { key, life: 0, over: 0, asks: 0, isLeft: false, ...none };
    this.#stakes.add(stake);
    return stake;
  }

  #close(stake: Stake): void {
    this.#stakes.delete(stake);
    this.#overdue.delete(stake.key, stake);
  }

  #touch(stake: Stake, life: number): void {
    stake.life = Math.max(stake.life, life);
    stake.over = Math.max(stake.over, runtime.monotonic() + life);
  }

  #answered(stake: Stake): void {
    if (stake.asks > 0 || this.#stakes.get(stake.key) !== stake) return;
    if (!stake.isLeft) this.#close(stake);
    else if (stake.end && !stake.sending) void quietly(this.#send(stake, stake.end));
  }

  #send<T>(stake: Stake, end: () => Promise<T>): Promise<T> {
    const { asks } = stake;
    this.#overdue.delete(stake.key, stake);
    const sent = end();
    const over = (proceed: () => void) => (): void => {
      stake.sending = undefined;
      // It may have been wanted again meanwhile, or be another one by now.
      if (stake.end && this.#stakes.get(stake.key) === stake) proceed();
    };
    const done = over(() => {
      if (asks === 0 && stake.asks === 0) this.#close(stake);
      else this.#answered(stake);
    });
    stake.sending = sent.then(done, (error: unknown) => over(() => this.#failed(stake, error))());
    return sent;
  }

  #failed(stake: Stake, error: unknown): void {
    // What was sent goes behind whatever the client sends again. What was not even sent has to be.
    if (wasSent(error)) stake.until ??= runtime.monotonic() + stake.life;
    this.#overdue.set(stake.key, stake);
    if (stake.asks === 0 && !stake.isLeft) this.#close(stake);
    else this.#arm();
  }

  /** First one, to find out whether the server answers; then the others. */
  async #repeat(): Promise<void> {
    if (this.#isRepeating) return;
    this.#isRepeating = true;
    this.#cancelTimer?.();
    for (let size = 1, isAnswered = true; isAnswered; size = AT_ONCE) {
      const tries = this.#due(size).map((stake) => this.#again(stake));
      isAnswered = tries.length > 0 && (await Promise.all(tries)).every(Boolean);
    }
    this.#isRepeating = false;
    this.#arm();
  }

  #due(most: number): Stake[] {
    const now = runtime.monotonic();
    const due: Stake[] = [];
    for (const stake of this.#overdue.values()) {
      if (stake.until !== undefined && now > stake.until && stake.asks === 0) this.#close(stake);
      else if (!stake.end) this.#overdue.delete(stake.key, stake);
      else if (!stake.sending && due.length < most) due.push(stake);
    }
    return due;
  }

  async #again(stake: Stake): Promise<boolean> {
    if (!stake.end) return true;
    try {
      await this.#send(stake, stake.end);
      return true;
    } catch {
      return false;
    }
  }

  #arm(): void {
    if (this.#isRepeating || this.#overdue.size === 0 || this.#reach.reachable === false) return;
    this.#cancelTimer?.();
    this.#cancelTimer = after(RETRY_MS, () => void this.#repeat());
  }
}

/** Whether the server may have carried it out. */
function mayHaveRun(error: unknown): boolean {
  return !(error instanceof LockUnavailableError) || error.uncertain;
}

function wasSent(error: unknown): boolean {
  return mayHaveRun(error) || (error as LockUnavailableError).refused;
}

function quietly(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => {},
    () => {},
  );
}
