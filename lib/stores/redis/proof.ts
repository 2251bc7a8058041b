import { runtime } from '../../core/runtime.js';
import { after, type CancelTimer } from '../../core/timer.js';

/** How often it is proven anew, as long as anybody waits for messages. */
const EVERY_MS = 5_000;
/** A message that takes longer has got lost. */
const LOST_MS = 2_000;
/** After a probe that could not be sent. */
const AGAIN_MS = 1_000;

export interface ProofOptions {
  /** Sends a message with the nonce to ourselves; resolves to how many have heard it, on the server that runs the scripts. */
  readonly probe: (nonce: string) => Promise<number>;
  /** Whether that number says anything: on a Cluster a node counts only those who listen to itself. */
  readonly countsListeners: boolean;
  /** Whether anybody waits for messages. */
  readonly isNeeded: () => boolean;
  readonly onProven: () => void;
  /** Messages do not arrive: why. `isSurprise`: they should have, by what was known. */
  readonly onRefuted: (reason: string, isSurprise: boolean) => void;
}

/**
 * Whether messages arrive. That a subscription was answered once says nothing of a connection that was cut off silently
 * since: so a message to ourselves has to come through the server.
 */
export class Proof {
  isProven = false;
  /** The server that publishes knows of us: a message that nobody hears says that we are gone. */
  isCounted = false;

  readonly #options: ProofOptions;
  #heardAt = 0;
  #probes = 0;
  /** The probe that is on its way. */
  #nonce: string | undefined;
  #hasArrived = false;
  /** What the server said to it. */
  #listeners: number | undefined;
  #cancel: CancelTimer | undefined;

  constructor(options: ProofOptions) {
    this.#options = options;
  }

  /** Sends a probe, unless one is on its way. Resolves once the server has answered it, or has not. */
  async begin(): Promise<void> {
    if (this.#nonce) return;
    this.#cancel?.();
    this.#probes += 1;
    const nonce = String(this.#probes);
    this.#nonce = nonce;
    this.#hasArrived = false;
    this.#listeners = undefined;
    const listeners = await this.#options.probe(nonce).catch(() => undefined);
    if (this.#nonce !== nonce) return;
    if (listeners === undefined) this.#unsent();
    else if (listeners === 0 && this.#options.countsListeners)
      this.#refute('Redis knows of no listener', this.isProven);
    else this.#answered(listeners);
  }

  /** A message has come; `nonce`: of a probe. */
  heard(nonce?: string): void {
    this.#heardAt = runtime.monotonic();
    if (nonce === undefined || nonce !== this.#nonce) return;
    this.#hasArrived = true;
    if (this.#listeners !== undefined) this.#prove(this.#listeners);
  }

  /** It is needed from now on. */
  needed(): void {
    if (this.#nonce) return;
    if (this.isProven) this.#schedule();
    else void this.begin();
  }

  notNeeded(): void {
    if (!this.#nonce) this.#cancel?.();
  }

  /** What was known is not known any more. */
  reset(): void {
    this.isProven = false;
    this.isCounted = false;
    this.#nonce = undefined;
    this.#cancel?.();
  }

  #answered(listeners: number): void {
    this.#listeners = listeners;
    if (this.#hasArrived) {
      this.#prove(listeners);
      return;
    }
    const nonce = this.#nonce;
    const lost = (): void => {
      if (this.#nonce === nonce) this.#refute('a message to ourselves got lost', true);
    };
    // After a pause of the process the message may be here, and be read before `setImmediate`.
    this.#cancel = after(LOST_MS, () => runtime.setImmediate(lost));
  }

  #prove(listeners: number): void {
    this.#cancel?.();
    this.#nonce = undefined;
    this.isProven = true;
    this.isCounted = this.#options.countsListeners && listeners > 0;
    if (this.#options.isNeeded()) this.#schedule();
    this.#options.onProven();
  }

  #refute(reason: string, isSurprise: boolean): void {
    this.reset();
    this.#options.onRefuted(reason, isSurprise);
  }

  /** Nothing is known of messages when commands do not arrive. */
  #unsent(): void {
    this.#nonce = undefined;
    if (this.#options.isNeeded()) this.#cancel = after(AGAIN_MS, () => void this.begin());
  }

  /** The next probe is due when nothing has been heard for a while. */
  #schedule(): void {
    this.#cancel?.();
    const left = this.#heardAt + EVERY_MS - runtime.monotonic();
    if (left <= 0) void this.begin();
    else this.#cancel = after(left, () => this.#options.isNeeded() && this.#schedule());
  }
}
