import type { TroubleLogger, TroubleOf } from '../../core/logger.js';
import { runtime } from '../../core/runtime.js';

/** Something that does not work as it should: logged once, with its remedy, when it begins, and once when it is over. */
export class Trouble {
  readonly #logger: TroubleLogger | undefined;
  readonly #what: TroubleOf;
  #since: number | undefined;

  constructor(logger: TroubleLogger | undefined, what: TroubleOf) {
    this.#logger = logger;
    this.#what = what;
  }

  /** Whether it has been logged, and is not over. */
  get isOn(): boolean {
    return this.#since !== undefined;
  }

  /** `since`: when it began, if that was earlier. */
  begins(message: string, since = runtime.monotonic()): void {
    if (this.#since !== undefined) return;
    this.#since = since;
    this.#logger?.warn(message);
    this.#logger?.degraded?.(this.#what, message);
  }

  /** `message`: what works again, as a sentence without its end. */
  isOver(message: string): void {
    if (this.#since === undefined) return;
    const took = Math.round(runtime.monotonic() - this.#since);
    this.#since = undefined;
    const text = `${message}, after ${took} ms.`;
    if (this.#logger?.log) this.#logger.log(text);
    else this.#logger?.warn(text);
    this.#logger?.restored?.(this.#what, text, took);
  }
}
