import type { Busy, Granted, Owner, PushedGrant, StoreListener } from '../../core/lock-store.js';
import type { LockLogger } from '../../core/logger.js';
import { runtime } from '../../core/runtime.js';
import { after, type CancelTimer, pause } from '../../core/timer.js';
import type { Connection } from './connection.js';
import { readMessage } from './lock-script.js';
import { Proof } from './proof.js';
import { Questions } from './questions.js';
import { Replacement } from './replacement.js';
import { isReplyError } from './reply-error.js';
import { Trouble } from './trouble.js';
import { Waiters } from './waiters.js';

/** How long the store keeps a waiter that it does not hear from: long where a message tells it all that it waits for. */
const ALIVE_MS = { proven: 30_000, unproven: 5_000 };
/** The connection is open by then, and its messages are proven. */
const LONGEST_OPENING_MS = 5_000;
const SHORTEST_OPENING_MS = 1_000;
/** A connection that breaks is often there again before that, and nobody has to ask meanwhile. */
const BLINK_MS = 1_000;
/** The proof is at hand by then, after the answer to the probe; otherwise everybody asks again without it. */
const PROOF_AT_HAND_MS = 100;
/** How often a question looks whether its answers could be heard by now. */
const OPENING_STEP_MS = 10;

export interface WakeChannelOptions {
  /** Of the commands; that for messages is made after it. */
  readonly connection: Connection;
  readonly channelPrefix: string;
  readonly instance: string;
  readonly listener: StoreListener;
  readonly logger: LockLogger | undefined;
  /** How long one command may take, in ms. */
  readonly commandTimeout: number;
  /** Sends a message with the nonce to the instance; resolves to how many have heard it, on the server that runs the scripts. */
  readonly probe: (nonce: string) => Promise<number>;
  /** Says something to another instance; resolves to how many have heard it, on the server that runs the scripts. */
  readonly say: (instance: string, words: readonly string[]) => Promise<number>;
}

/**
 * The messages for one instance, on a connection of their own. It is believed as far as it is proven: until then grants
 * are provisional and waiters ask every few seconds. A connection that does not let messages through is replaced.
 */
export class WakeChannel {
  readonly #options: WakeChannelOptions;
  readonly #channel: string;
  readonly #subscriber: Connection;
  readonly #replacement: Replacement;
  readonly #proof: Proof;
  readonly #waiters = new Waiters();
  /**
   * Grants that have just come. A server takes one back in the same breath where nobody listens to it; whoever listens to
   * a replica, after a fail-over that left this connection where it was, hears both.
   */
  readonly #granted = new Map<Owner, PushedGrant>();
  readonly #trouble: Trouble;
  readonly #questions: Questions;
  #state: 'closed' | 'opening' | 'subscribing' | 'subscribed' = 'opening';
  /** Waiters were told that messages arrive. */
  #isRelied = false;
  /** Everybody has to ask again. */
  #owesNews = false;
  #cancelNews: CancelTimer | undefined;
  #cancelOpening: CancelTimer | undefined;

  constructor(options: WakeChannelOptions) {
    const { connection, channelPrefix, instance, logger, probe } = options;
    this.#options = options;
    this.#channel = channelPrefix + instance;
    this.#trouble = new Trouble(logger, 'messages');
    this.#questions = new Questions(instance, options.say);
    this.#subscriber = connection.duplicate();
    this.#replacement = new Replacement(this.#subscriber, () => this.#watchOpening());
    this.#proof = new Proof({
      probe,
      countsListeners: !connection.isCluster,
      isNeeded: () => this.#isNeeded(),
      onProven: () => this.#proven(),
      // After a reconnection of the commands, the other connection may have stayed on another server.
      onRefuted: (reason, isSurprise) => this.#broken(reason, isSurprise),
    });
    this.#subscriber.onReady(() => void this.#subscribe());
    this.#subscriber.onLost(() => this.#lost());
    this.#subscriber.onSignInRefused((problem) => this.#broken(`the sign-in was refused: ${problem}`));
    this.#subscriber.onMessage((channel, message) => {
      if (channel === this.#channel) this.#hear(message);
    });
    this.#subscriber.wake();
    this.#watchOpening();
  }

  /** Whether a message that reaches nobody says that we are gone: the server that publishes is the one that we listen to. */
  get verified(): boolean {
    return this.#proof.isProven && this.#proof.isCounted;
  }

  /** Whether messages are known to arrive; undefined while nobody waits for any. */
  get isProven(): boolean | undefined {
    return this.#proof.isProven || (this.#waiters.size > 0 ? false : undefined);
  }

  /** How long the store keeps a waiter that it does not hear from, in ms. */
  get aliveFor(): number {
    return this.#proof.isProven ? ALIVE_MS.proven : ALIVE_MS.unproven;
  }

  /** What an acquire was answered says who waits for messages, and may show that one has not come. */
  answered(owner: Owner, aliveFor: number, answer: Granted | Busy, wasHeld: boolean): Granted | Busy {
    if (answer.granted) {
      if (wasHeld && this.#waiters.isUntold(owner)) this.#doubt();
      this.waitsNoMore(owner);
      return answer;
    }
    if (answer.ticket === 0) return answer;
    this.#waiters.add(owner, aliveFor);
    if (this.#waiters.size === 1 && this.#state === 'subscribed') this.#proof.needed();
    if (answer.reentered) this.#doubt();
    return { ...answer, aliveFor };
  }

  /** What the processes of these instances have answered within `ms`. */
  async ask(instances: readonly string[], question: string, ms: number): Promise<ReadonlyMap<string, string>> {
    const end = runtime.monotonic() + ms;
    while (this.#state !== 'subscribed' && runtime.monotonic() < end) await pause(OPENING_STEP_MS);
    return this.#questions.ask(instances, question, Math.max(0, end - runtime.monotonic()));
  }

  waitsNoMore(owner: Owner): void {
    if (this.#waiters.delete(owner) && this.#waiters.size === 0) this.#proof.notNeeded();
  }

  /** Who relies on messages asks seldom, and would not notice an outage. */
  commandsLost(): void {
    if (this.#isRelied && !this.#owesNews) this.#owe(BLINK_MS);
  }

  /** After a (re)connection of either side: finds out whether messages arrive, and lets everybody ask again. */
  async refresh(): Promise<void> {
    this.#proof.reset();
    if (this.#state !== 'subscribed') {
      this.#options.listener.reconnected();
      return;
    }
    this.#owesNews = true;
    await this.#proof.begin();
    if (this.#owesNews) this.#owe(PROOF_AT_HAND_MS);
  }

  close(): void {
    this.#state = 'closed';
    this.#proof.reset();
    this.#replacement.stop();
    this.#cancelNews?.();
    this.#endOpening();
    this.#subscriber.close();
  }

  async #subscribe(): Promise<void> {
    const { client } = this.#subscriber;
    this.#state = 'subscribing';
    try {
      await client.subscribe(this.#channel);
    } catch (error) {
      // That the connection breaks is heard of elsewhere.
      if (client === this.#subscriber.client && isReplyError(error as Error)) this.#refused(error as Error);
      return;
    }
    if (client !== this.#subscriber.client || this.#state !== 'subscribing') return;
    this.#state = 'subscribed';
    await this.refresh();
  }

  #refused({ message }: Error): void {
    if (this.#state === 'closed') return;
    this.#trouble.begins(
      `The channel ${this.#options.channelPrefix}* cannot be subscribed to (${message}): waiters ask again every ` +
        'few seconds instead of being woken. Grant the user this channel pattern; a proxy may know no messages.',
    );
    this.#broken(message);
  }

  /** The connection broke; ioredis connects anew. */
  #lost(): void {
    const wasSubscribing = this.#state === 'subscribing';
    this.#state = 'opening';
    this.#proof.reset();
    this.commandsLost();
    this.#watchOpening();
    // What hangs up on subscriptions would be asked for ever.
    if (wasSubscribing) this.#broken('the connection breaks when it subscribes');
  }

  /** `isCertain`: no accident that is over by itself. The first of the others is not worth a word. */
  #broken(reason: string, isCertain = false): void {
    if (this.#state === 'closed') return;
    const { connection } = this.#options;
    // Without commands nothing can be said of messages, and the warning is another one.
    if (connection.ready && (isCertain || this.#replacement.times > 0)) this.#warn(reason);
    this.#state = 'opening';
    this.#proof.reset();
    this.#endOpening();
    this.#replacement.begin();
    if (!this.#isRelied) return;
    this.#owesNews = true;
    this.#tell();
  }

  #warn(reason: string): void {
    this.#trouble.begins(
      `Messages of Redis do not arrive (${reason}): waiters ask again every few seconds instead of being woken. The ` +
        'connection for messages is made anew until they do. Check what lies between: a firewall or proxy that drops ' +
        'connections or knows no messages, a limit of connections (each process needs two), the password, and the ' +
        `right of the user to the channels ${this.#options.channelPrefix}*.`,
    );
  }

  /** From the first attempt on, however often ioredis tries. */
  #watchOpening(): void {
    if (this.#cancelOpening || this.#state === 'closed') return;
    const { commandTimeout, connection } = this.#options;
    const longest = Math.max(SHORTEST_OPENING_MS, Math.min(commandTimeout, LONGEST_OPENING_MS));
    this.#cancelOpening = after(longest, () => {
      this.#cancelOpening = undefined;
      const problem = this.#subscriber.lastError?.message ?? 'no answer';
      if (connection.ready) this.#broken(`their connection could not be opened for ${longest} ms: ${problem}`, true);
      else this.#watchOpening();
    });
  }

  #endOpening(): void {
    this.#cancelOpening?.();
    this.#cancelOpening = undefined;
  }

  #proven(): void {
    this.#replacement.works();
    this.#endOpening();
    this.#trouble.isOver('Messages of Redis arrive again');
    if (this.#isRelied && !this.#owesNews) return;
    this.#owesNews = true;
    this.#tell();
  }

  /** Everybody asks again, in so many ms at the latest. */
  #owe(ms: number): void {
    this.#owesNews = true;
    this.#cancelNews?.();
    this.#cancelNews = after(ms, () => this.#tell());
  }

  #tell(): void {
    this.#cancelNews?.();
    if (!this.#owesNews || this.#state === 'closed') return;
    this.#owesNews = false;
    this.#isRelied = this.#proof.isProven;
    this.#options.listener.reconnected();
  }

  /** Something was found by asking that a message should have told. It may be on its way still: a probe decides. */
  #doubt(): void {
    if (this.#state === 'subscribed') void this.#proof.begin();
  }

  #isNeeded(): boolean {
    this.#waiters.prune();
    return this.#waiters.size > 0;
  }

  #hear(message: string): void {
    if (this.#state === 'closed') return;
    const { instance, listener } = this.#options;
    const heard = readMessage(message);
    this.#proof.heard(heard?.nonce);
    if (!heard) return;
    const owner = `${instance}#${heard.seq}`;
    const { kind, token } = heard;
    if (kind === 'q') this.#questions.answer(heard, (question) => listener.asked?.(question));
    else if (kind === 'a') this.#questions.answered(heard);
    if (typeof kind === 'object') {
      if (kind.provisional) this.#waiters.tell(owner);
      else this.waitsNoMore(owner);
      if (this.#granted.size === 0) runtime.queueMicrotask(() => this.#deliver());
      this.#granted.set(owner, kind);
      return;
    }
    if (kind === 'x' && this.#isTakenBack(owner, token)) {
      listener.nudged(owner);
      return;
    }
    this.#deliver();
    if (kind === 'x') listener.revoked(owner, token);
    else if (kind === '?') listener.nudged(owner);
    else if (kind === 'r') listener.releaseRequested?.(owner, token);
  }

  #isTakenBack(owner: Owner, token: number | undefined): boolean {
    const grant = this.#granted.get(owner);
    return grant !== undefined && grant.token === token && this.#granted.delete(owner);
  }

  #deliver(): void {
    const granted = [...this.#granted];
    this.#granted.clear();
    for (const [owner, grant] of granted) this.#options.listener.granted(owner, grant);
  }
}
