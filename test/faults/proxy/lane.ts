import { now } from '../history/event.js';

interface Step {
  readonly due: number;
  run(): void;
}

/** One direction of a connection: steps are taken in order, each after the latency of its time, none while it is held. */
export class Lane {
  readonly #steps: Step[] = [];
  #timer: NodeJS.Timeout | undefined;
  #held = false;

  add(latency: number, run: () => void): void {
    this.#steps.push({ due: now() + latency, run });
    this.#advance();
  }

  hold(held: boolean): void {
    this.#held = held;
    this.#advance();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#steps.length = 0;
  }

  #advance(): void {
    clearTimeout(this.#timer);
    while (!this.#held && this.#steps[0] && this.#steps[0].due <= now()) this.#steps.shift()?.run();
    const [next] = this.#steps;
    if (next && !this.#held) this.#timer = setTimeout(() => this.#advance(), Math.ceil(next.due - now()));
  }
}
