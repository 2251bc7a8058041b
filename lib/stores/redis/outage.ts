import { LockUnavailableError } from '../../core/errors.js';
import { runtime } from '../../core/runtime.js';
import { cutThese, type Progress, progressOf, silentSince } from './client-internals.js';
import type { Connection } from './connection.js';
import { bareError } from './reply-error.js';

/** A connection that answers nothing for less than this may only be slow, whatever `commandTimeout` is. */
const SHORTEST_SILENCE_MS = 1_000;
/** A timer may fire so much too early. */
const EARLY_MS = 5;
/** For how long a new connection is believed to answer, after one that did not. */
const BELIEVED_MS = 250;
/** Until a connection that leads to a read-only server is replaced again, it may take this long. */
const LONGEST_REPLACEMENT_MS = 5_000;
const SHORTEST_REPLACEMENT_MS = 100;
/** What was learned longer ago on a connection that looks alive says nothing of now. */
const KNOWN_FOR_MS = 2_000;

const RECONNECT_ON_ERROR = "reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false)";

/** How far a call on the connection had come when it was sent. */
export interface Sent {
  readonly at: number;
  readonly answers: number;
}

/**
 * Since when Redis has been away, as far as one connection tells: it is not connected, or calls stay without any answer,
 * or every answer is "not now". Once that has lasted for the `patience` of a call, further calls fail at once; while the
 * connection looks alive, one of them at a time finds out whether it is; all that come together, where nobody has asked
 * for a while.
 *
 * It also sees to it that the connection is replaced, where it is ours.
 */
export class Outage {
  readonly #connection: Connection;
  /** After how long calls fail at once, in ms. */
  readonly #patience: number;
  #since: number | undefined;
  /** The connection may look alive: only an answer ends it. */
  #isSilent = false;
  #believedUntil = 0;
  /** The last time that it was seen. */
  #seenAt = 0;
  /** How many calls are on their way to find out, and whether others go with them: the first one knew nothing of late. */
  #trials = 0;
  #isOpenTrial = false;
  #reply: Error | undefined;
  /** How many answers have come, whatever they said. */
  #answers = 0;
  /** Nothing has been answered since the connection was last replaced for its silence. */
  #isCut = false;
  /** Of a Cluster. */
  #silentNodes: Progress | undefined;
  #samples: readonly [older: Sample | undefined, newer: Sample | undefined] = [undefined, undefined];
  #replacements = 0;
  #replaceAgainAt = 0;

  constructor(connection: Connection, patience: number) {
    this.#connection = connection;
    this.#patience = patience;
    connection.onLost(() => this.missed());
    connection.onReady(() => this.#connected());
  }

  /** What the server answers instead of doing what it is asked for. */
  get reply(): Error | undefined {
    return this.#reply;
  }

  /** Why a call that comes now fails at once; undefined: it may go, or wait. */
  refusal(name: string): LockUnavailableError | undefined {
    if (this.#since === undefined) return undefined;
    const now = runtime.monotonic();
    const away = now - this.#since;
    if (away < this.#patience || now < this.#believedUntil) return undefined;
    const { ready, isCluster, lastError } = this.#connection;
    if (ready && (isCluster || this.#trials === 0 || this.#isOpenTrial)) return undefined;
    const error = new LockUnavailableError(name, `Redis has been away for ${Math.round(away)} ms`, {
      uncertain: false,
      cause: this.#reply ?? lastError,
    });
    this.report();
    return error;
  }

  /** Whether the call that was not refused is the one that finds out; then `tried` has to be called when it is over. */
  startsTrial(): boolean {
    if (this.#since === undefined || !this.#connection.ready || this.#connection.isCluster) return false;
    const now = runtime.monotonic();
    if (now - this.#since < this.#patience || (this.#trials > 0 && !this.#isOpenTrial)) return false;
    if (this.#trials === 0) this.#isOpenTrial = now - this.#seenAt > KNOWN_FOR_MS;
    this.#trials += 1;
    return true;
  }

  tried(): void {
    this.#trials -= 1;
  }

  /** To be asked for when a call is sent, and given back when it stays without an answer. */
  sent(): Sent {
    const at = runtime.monotonic();
    if (this.#connection.isCluster) this.#sample(at);
    return { at, answers: this.#answers };
  }

  /** A server has answered, if only that it cannot. */
  answered(): void {
    this.#answers += 1;
    this.#isCut = false;
  }

  /** A server has done what it was asked for, or has refused that for a reason of its own. */
  served(readOnly: boolean): void {
    if (this.#silentNodes && silentSince(this.#connection.client, this.#silentNodes).size === 0) {
      this.#silentNodes = undefined;
      this.#over();
    }
    if (this.#since === undefined && this.#replacements === 0) return;
    if (readOnly && this.#reply?.message.startsWith('READONLY')) return;
    this.#replacements = 0;
    this.#over();
  }

  /** There is nobody to call: from now on it counts. */
  missed(): void {
    this.#seen(runtime.monotonic());
  }

  /** The call has waited for as long as a call may. */
  unanswered({ at, answers }: Sent): void {
    const now = runtime.monotonic();
    if (this.#connection.isCluster) {
      this.#lookForSilentNodes(now);
      return;
    }
    if (answers !== this.#answers) return;
    this.#since = Math.min(this.#since ?? at, at);
    this.#seen(at);
    this.#isSilent = true;
    if (now - this.#since < Math.max(SHORTEST_SILENCE_MS, this.#patience) - EARLY_MS || !this.#connection.ready) return;
    this.#reportSilence(now - this.#since, this.#since);
    if (this.#isCut) return;
    this.#isCut = true;
    this.#connection.reconnect();
  }

  #lookForSilentNodes(now: number): void {
    const { own, client } = this.#connection;
    const before = this.#samples.find((sample) => sample && now - sample.at >= this.#patience / 2);
    if (!before) return;
    const silent = silentSince(client, before.progress);
    if (silent.size === 0) return;
    if (own) cutThese(silent);
    this.#silentNodes = silent;
    this.#reportSilence(now - before.at, before.at);
  }

  /** Every call is answered with this for now; `word` is what the reply begins with. */
  notNow(word: string, reply: Error, sentAt: number): void {
    const { isCluster, own } = this.#connection;
    // Of a Cluster, another node may serve the next call.
    if (isCluster || word === 'TRYAGAIN') return;
    this.#seen(sentAt);
    this.#isSilent = true;
    this.#reply = bareError(reply);
    if (word !== 'READONLY') return;
    if (own) this.#replaceReadOnly();
    this.#connection.outage.begins(
      'Redis answers READONLY: its primary has moved, and the connection leads to a replica. ' +
        (own
          ? 'The connection is replaced; if that does not help, let the address of the option `redis` lead to the primary.'
          : `Let the client that was handed in connect anew then, by its option ${RECONNECT_ON_ERROR}.`),
      this.#since,
    );
  }

  /** Says that calls fail because of it. */
  report(): void {
    if (this.#since === undefined) return;
    const away = Math.round(runtime.monotonic() - this.#since);
    this.#connection.outage.begins(
      `Redis has been away for ${away} ms: calls fail at once until it answers again. ` +
        'Check that the server runs and can be reached, and what its log says.',
      this.#since,
    );
  }

  #seen(since: number): void {
    this.#since ??= since;
    this.#seenAt = runtime.monotonic();
    this.#isOpenTrial = false;
  }

  #connected(): void {
    if (this.#isSilent) this.#believedUntil = runtime.monotonic() + BELIEVED_MS;
    else this.#over();
  }

  #over(): void {
    this.#since = undefined;
    this.#reply = undefined;
    this.#isSilent = false;
    this.#believedUntil = 0;
    this.#connection.outage.isOver('Redis answers again');
  }

  #reportSilence(silence: number, since: number): void {
    this.#connection.outage.begins(
      `Redis has not answered for ${Math.round(silence)} ms on a connection that looks alive` +
        (this.#connection.own
          ? ', which is replaced. If that happens often, look for a firewall, NAT or proxy that drops connections silently.'
          : `. Let the client that was handed in find out by itself, by its ${this.#connection.isCluster ? '`redisOptions`' : 'options'} \`socketTimeout\` and \`keepAlive\`.`),
      since,
    );
  }

  /** At once; later and later as long as the new ones lead to a read-only server, too. */
  #replaceReadOnly(): void {
    const now = runtime.monotonic();
    if (!this.#connection.ready || now < this.#replaceAgainAt) return;
    this.#replaceAgainAt = now + Math.min(SHORTEST_REPLACEMENT_MS * 2 ** this.#replacements, LONGEST_REPLACEMENT_MS);
    this.#replacements += 1;
    this.#connection.reconnect();
  }

  #sample(at: number): void {
    const [, newer] = this.#samples;
    if (newer && at - newer.at < this.#patience / 2) return;
    this.#samples = [newer, { at, progress: progressOf(this.#connection.client) }];
  }
}

interface Sample {
  readonly at: number;
  readonly progress: Progress;
}
