import { connect, type Socket } from 'node:net';
import { type RedisRequest, RedisRequestReader } from '../../support/redis-requests.js';
import type { Conditions } from './conditions.js';
import { Lane } from './lane.js';

const SHOWN_LENGTH = 40;
const IS_SCRIPT_CALL = /^evalsha |^eval /i;
const IS_SUBSCRIPTION = /^s?subscribe /i;

/** What a connection carries, as far as it is known: it becomes one for messages when it subscribes. */
export type Kind = 'commands' | 'messages';

/** One connection of a client, and its other half to the server. */
export class ProxiedConnection {
  lastRequest = 'nothing';
  kind: Kind = 'commands';
  /** The client has closed it, at least for what it sends. */
  clientEnded = false;
  /** Both ways all is swallowed, for good, and nobody is told. */
  isHole = false;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #targetPort: number;
  readonly #conditions: () => Conditions;
  readonly #reader = new RedisRequestReader();
  readonly #requests = new Lane();
  readonly #replies = new Lane();
  #second: Socket | undefined;
  #scriptCalls = 0;
  /** The answers of the server are thrown away. */
  #muted = false;
  /** Something was dropped: as soon as the network works again, the connection is found to be broken. */
  #broken = false;

  constructor(client: Socket, targetPort: number, conditions: () => Conditions) {
    this.#client = client;
    this.#targetPort = targetPort;
    this.#conditions = conditions;
    this.#server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.conditionsChanged();
    client.on('data', (chunk: Buffer) => {
      for (const request of this.#reader.read(chunk)) {
        this.lastRequest = request.text.slice(0, SHOWN_LENGTH);
        if (IS_SUBSCRIPTION.test(request.text)) this.kind = 'messages';
        this.#pass('requests', () => this.#forward(request));
      }
    });
    client.on('end', () => {
      this.clientEnded = true;
      this.#pass('requests', () => this.#server.end());
    });
    client.on('close', () => this.isHole || this.reset());
    this.#server.on('data', (chunk: Buffer) => this.#pass('replies', () => this.#answer(chunk)));
    this.#server.on('end', () => this.#pass('replies', () => this.#client.end()));
    this.#server.on('close', () => this.isHole || this.reset());
    for (const socket of [client, this.#server]) socket.on('error', () => this.isHole || this.reset());
  }

  conditionsChanged(): void {
    if (this.isHole) return;
    const { requests, replies } = this.#conditions();
    if (this.#broken && requests !== 'drop' && replies !== 'drop') this.reset();
    this.#requests.hold(requests === 'hold');
    this.#replies.hold(replies === 'hold');
  }

  /**
   * From now on half-open, as when a firewall has forgotten the flow: no side hears of the other, nor of its end.
   * `noticed`: the server has found out by itself, and has closed its side.
   */
  swallow(noticed: boolean): void {
    this.isHole = true;
    this.#requests.stop();
    this.#replies.stop();
    if (noticed) this.#server.destroy();
  }

  reset(): void {
    this.#requests.stop();
    this.#replies.stop();
    // Node cannot reset what has begun to end, and would never say that it is closed.
    if (this.#client.writableEnded) this.#client.destroy();
    else this.#client.resetAndDestroy();
    this.#server.destroy();
    this.#second?.destroy();
  }

  #pass(direction: 'requests' | 'replies', step: () => void): void {
    if (this.isHole) return;
    const conditions = this.#conditions();
    const lane = direction === 'requests' ? this.#requests : this.#replies;
    if (conditions[direction] === 'drop') this.#broken = true;
    else lane.add(conditions.latency, step);
  }

  #forward(request: RedisRequest): void {
    if (this.#muted || this.#server.destroyed) return;
    if (!IS_SCRIPT_CALL.test(request.text)) {
      this.#server.write(request.bytes);
      return;
    }
    const { refusal, duplicate, loseReplyOfEvery } = this.#conditions();
    this.#scriptCalls += 1;
    // The server itself gives the error, so that it comes in the order of the replies.
    this.#server.write(refusal === undefined ? request.bytes : errorScript(refusal));
    if (duplicate) this.#sendAgain(request.bytes);
    if (loseReplyOfEvery > 0 && this.#scriptCalls % loseReplyOfEvery === 0) this.#loseReply();
  }

  #answer(chunk: Buffer): void {
    if (!this.#muted && !this.#client.destroyed) this.#client.write(chunk);
  }

  /** Half-closes towards the server, which still runs all that was sent; its end resets the client. */
  #loseReply(): void {
    this.#muted = true;
    this.#server.end();
  }

  #sendAgain(bytes: Buffer): void {
    if (!this.#second || this.#second.destroyed) {
      this.#second = connect({ port: this.#targetPort, host: '127.0.0.1', noDelay: true });
      this.#second.on('error', () => {}).resume();
    }
    this.#second.write(bytes);
  }
}

function errorScript(message: string): string {
  const words = ['EVAL', 'return redis.error_reply(ARGV[1])', '0', message];
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}
