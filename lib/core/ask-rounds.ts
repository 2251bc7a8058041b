import type { Clock } from './clock.js';
import { after, type CancelTimer } from './timer.js';

const ROUND_MS = 50;
/** By how much more a delay may grow: so that those who came together do not ask together for ever. */
const SPREAD = 0.2;

interface Round {
  readonly asks: Set<() => void>;
  readonly cancel: CancelTimer;
}

/** Waiters that only have to be heard of now and then ask in rounds: what is asked in one tick costs the store less. */
export class AskRounds {
  readonly #clock: Clock;
  readonly #rounds = new Map<number, Round>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `ask` once, after `ms` and no more than a fifth of it later. */
  schedule(ms: number, ask: () => void): CancelTimer {
    const now = this.#clock.now();
    const at = Math.ceil((now + ms * (1 + SPREAD * Math.random())) / ROUND_MS) * ROUND_MS;
    const round = this.#rounds.get(at) ?? this.#open(at, at - now);
    // One function may stand in a round twice.
    const own = (): void => ask();
    round.asks.add(own);
    return () => {
      round.asks.delete(own);
      if (round.asks.size > 0 || this.#rounds.get(at) !== round) return;
      round.cancel();
      this.#rounds.delete(at);
    };
  }

  #open(at: number, ms: number): Round {
    const asks = new Set<() => void>();
    const begin = (): void => {
      this.#rounds.delete(at);
      for (const ask of asks) ask();
    };
    const round = { asks, cancel: after(ms, begin, { awaited: true }) };
    this.#rounds.set(at, round);
    return round;
  }
}
