import { randomUUID } from 'node:crypto';
import type { LockLogger } from '../../core/logger.js';
import { after, type CancelTimer } from '../../core/timer.js';
import { answerWithin } from './answer-within.js';
import type { Connection } from './connection.js';
import { isOfSeveralSlots, notNow } from './not-now.js';
import { isReplyError } from './reply-error.js';
import { TOPOLOGY_SCRIPT } from './scripts/lua.js';

/** How many keys are tried: of two servers that share the keys evenly, both are met but for one time in four billion. */
const KEYS = 32;
const MARK_MS = '60000';
/** After so many looks that were not answered, each name goes on travelling alone, which is always right. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 1_000;
/** For so long calls wait for the first look; then each name travels alone until it is answered. */
const PENDING_MS = 250;

/** By the option `oneNamePerCall`. */
const KINDS = { true: 'sharded', false: 'single', undefined: 'unknown' } as const;

export interface TopologyOptions {
  readonly namespace: string;
  /** The option of the service; undefined: it is looked for. */
  readonly oneNamePerCall: boolean | undefined;
  /** How long one command may take, in ms. */
  readonly commandTimeout: number;
  readonly logger: LockLogger | undefined;
}

/**
 * What stands behind the address, as far as it decides which names may travel in one call. A single server takes any; a
 * Cluster those of one slot; a proxy that spreads the keys over several servers sends a call where its first key points,
 * without a word about the others. So it is looked at before names are put together.
 */
export class Topology {
  readonly #connection: Connection;
  readonly #options: TopologyOptions;
  #kind: 'unknown' | 'single' | 'sharded' | 'clustered';
  #looks = 0;
  #isLooking = false;
  /** Whether calls wait for what is found: only the first time, and not for long. */
  #pending: 'not yet' | 'now' | 'not any more' = 'not yet';
  #cancelPending: CancelTimer | undefined;
  readonly #onKnown: (() => void)[] = [];

  constructor(connection: Connection, options: TopologyOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#kind = connection.isCluster ? 'clustered' : KINDS[String(options.oneNamePerCall) as keyof typeof KINDS];
    if (this.#kind !== 'unknown') return;
    connection.onReady(() => void this.#look());
    if (connection.ready) void this.#look();
  }

  /** It will be known in a moment. */
  get isPending(): boolean {
    return this.#pending === 'now';
  }

  /** Nobody knows yet whether names may be put together: what is, may have to be taken apart. */
  get isOpen(): boolean {
    return this.#kind === 'unknown' && this.#pending !== 'not any more';
  }

  /** Calls `listener` when it is not pending any more. */
  onKnown(listener: () => void): void {
    this.#onKnown.push(listener);
  }

  get oneNamePerCall(): boolean {
    return this.#kind !== 'single';
  }

  /** Whether a call names all keys of its lock: a server that has a part of the slots then sees whether they are there. */
  get namesAllKeys(): boolean {
    return this.#kind === 'clustered';
  }

  /** A call was refused since its keys belong to several slots. */
  isClustered({ message }: Error): void {
    if (this.#kind === 'clustered') return;
    this.#kind = 'clustered';
    this.#options.logger?.warn(
      `Redis is clustered (${message}), and used as if it were a single server: each lock travels in a call of its own. ` +
        'Hand in a `Cluster` of ioredis (option `redis`), which knows where each key is.',
    );
  }

  async #look(): Promise<void> {
    if (this.#kind !== 'unknown' || this.#isLooking || this.#looks >= LOOKS) return;
    this.#isLooking = true;
    if (this.#pending === 'not yet') {
      this.#pending = 'now';
      this.#cancelPending = after(PENDING_MS, () => this.#tell(), { awaited: true });
    }
    const { losses } = this.#connection;
    const found = await this.#search().catch((error: Error) => error);
    this.#isLooking = false;
    if (this.#kind === 'unknown') this.#found(found, losses);
    this.#tell();
  }

  #found(found: boolean | Error, losses: number): void {
    if (found instanceof Error) this.#failed(found);
    // After a fail-over the mark may not be where it was.
    else if (losses !== this.#connection.losses) this.#lookAgain();
    else if (found) this.#kind = 'single';
    else this.#isSharded();
  }

  #tell(): void {
    this.#cancelPending?.();
    this.#pending = 'not any more';
    for (const listener of this.#onKnown) listener();
  }

  #failed(error: Error): void {
    if (isOfSeveralSlots(error)) this.isClustered(error);
    else if (notNow(error)) this.#lookAgain();
    // Who may not look is let alone: locks need more rights than this.
    else if (isReplyError(error)) this.#kind = 'single';
    else {
      this.#looks += 1;
      this.#lookAgain();
    }
  }

  #lookAgain(): void {
    after(LOOK_AGAIN_MS, () => {
      if (this.#connection.ready) void this.#look();
    });
  }

  /** Whether what is set under one key is there, whichever key the call goes after. */
  async #search(): Promise<boolean> {
    const mark = `${this.#options.namespace}:topology:${randomUUID()}`;
    await this.#ask(`${mark}:0`, mark, MARK_MS);
    const seen = await Promise.all(Array.from({ length: KEYS }, (_, i) => this.#ask(`${mark}:${i + 1}`, mark)));
    this.#ask(`${mark}:0`, mark, '0').catch(() => {});
    return seen.every((found) => found === 1);
  }

  #ask(where: string, mark: string, ...args: string[]): Promise<unknown> {
    const { client } = this.#connection;
    return answerWithin(this.#options.commandTimeout, client.eval(TOPOLOGY_SCRIPT, 2, where, mark, ...args));
  }

  #isSharded(): void {
    this.#kind = 'sharded';
    this.#options.logger?.warn(
      'A proxy that spreads the keys over several servers (as twemproxy and Envoy do) stands before Redis: each lock ' +
        'travels in a call of its own. Say so by the option `oneNamePerCall: true`, and mind that such a proxy passes no ' +
        'messages, so that waiters ask again every few seconds.',
    );
  }
}
