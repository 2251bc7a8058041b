import { connect, type Socket } from 'node:net';
import { type RedisRequest, RedisRequestReader } from '../../support/redis-requests.js';
import type { Conditions } from './conditions.js';
import { Lane } from './lane.js';

const SHOWN_LENGTH = 40;
const IS_SCRIPT_CALL = /^evalsha |^eval /i;

/** One connection of a client, and its other half to the server. */
export class ProxiedConnection {
  lastRequest = 'nothing';
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
        this.#pass('requests', () => this.#forward(request));
      }
    });
    client.on('end', () => this.#pass('requests', () => this.#server.end()));
    this.#server.on('data', (chunk: Buffer) => this.#pass('replies', () => this.#answer(chunk)));
    this.#server.on('end', () => this.#pass('replies', () => this.#client.end()));
    for (const socket of [client, this.#server]) socket.on('error', () => this.reset()).on('close', () => this.reset());
  }

  conditionsChanged(): void {
    const { requests, replies } = this.#conditions();
    if (this.#broken && requests !== 'drop' && replies !== 'drop') this.reset();
    this.#requests.hold(requests === 'hold');
    this.#replies.hold(replies === 'hold');
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
