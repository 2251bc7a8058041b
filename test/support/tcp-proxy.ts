import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Deferred, deferred } from './event.js';
import { freePort } from './free-port.js';
import { type RedisRequest, RedisRequestReader } from './redis-requests.js';

/**
 * Stands between a client and a Redis server, and breaks the connection where the test says.
 * A request matches a text when it contains it, in either case: `seen('evalsha')`.
 */
export class TcpProxy implements AsyncDisposable {
  readonly #connections = new Set<Connection>();
  readonly #requests = new Lane();
  readonly #replies = new Lane();
  readonly #watches = new Watches<string>();
  readonly #cuts = new Watches<void>();
  #targetPort: number;
  #listener: Server | undefined;

  private constructor(
    readonly port: number,
    targetPort: number,
  ) {
    this.#targetPort = targetPort;
  }

  static async start(target: { port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(await freePort(), target.port);
    await proxy.acceptConnections();
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** How many connections are open. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Resolves with the next matching request once it has come here (held or not). What a test does directly after
   * `await`ing it comes before the server's reply.
   */
  seen(text: string): Promise<string> {
    return this.#watches.add(text);
  }

  /**
   * The command runs, its answer never comes: passes the next matching request on, swallows all replies from then on,
   * and resets the client's connection when the server is done with the request. Resolves after the reset.
   */
  resetAfterNextRequest(text: string): Promise<void> {
    return this.#cuts.add(text);
  }

  holdRequests(): void {
    this.#requests.hold();
  }

  holdReplies(): void {
    this.#replies.hold();
  }

  /** Resolves when a reply is being held: the server has run the request. */
  heldReply(): Promise<void> {
    return this.#replies.holding();
  }

  /** Lets everything held pass, in its order. */
  release(): void {
    this.#requests.release();
    this.#replies.release();
  }

  /** New connections go there. */
  leadTo(target: { port: number }): void {
    this.#targetPort = target.port;
  }

  resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }

  /** New connections get ECONNREFUSED; open ones stay. */
  refuseConnections(): void {
    this.#listener?.close();
    this.#listener = undefined;
  }

  async acceptConnections(): Promise<void> {
    if (this.#listener) return;
    const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#connect(client));
    this.#listener = listener;
    const { promise, resolve, reject } = deferred();
    listener.once('error', reject).listen(this.port, '127.0.0.1', resolve);
    await promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
  }

  stop(): void {
    this.refuseConnections();
    this.resetAll();
  }

  #connect(client: Socket): void {
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const connection = new Connection(client, server);
    const reader = new RedisRequestReader();
    this.#connections.add(connection);
    client.on('close', () => this.#connections.delete(connection));

    client.on('data', (chunk) => {
      for (const request of reader.read(chunk)) {
        for (const watch of this.#watches.take(request)) watch.resolve(request.text);
        this.#requests.pass(() => this.#forward(request, connection));
      }
    });
    client.on('end', () => this.#requests.pass(() => server.end()));
    server.on('data', (chunk) => this.#replies.pass(() => connection.reply(chunk)));
    server.on('end', () => this.#replies.pass(() => connection.endReplies()));
    for (const socket of [client, server]) socket.on('error', () => connection.reset());
  }

  #forward(request: RedisRequest, connection: Connection): void {
    if (!connection.request(request.bytes)) return;
    const cuts = this.#cuts.take(request);
    if (cuts.length === 0) return;
    connection.resetWhenAnswered(() => {
      for (const cut of cuts) cut.resolve();
    });
  }
}

class Connection {
  #cut = false;

  constructor(
    readonly client: Socket,
    readonly server: Socket,
  ) {}

  request(bytes: Buffer): boolean {
    if (this.#cut || this.server.destroyed) return false;
    this.server.write(bytes);
    return true;
  }

  reply(bytes: Buffer): void {
    if (!this.#cut && !this.client.destroyed) this.client.write(bytes);
  }

  endReplies(): void {
    if (!this.#cut) this.client.end();
  }

  /** Half-closes towards the server: it still reads and runs all that was sent, then closes its side. */
  resetWhenAnswered(done: () => void): void {
    this.#cut = true;
    this.server.end();
    this.server.once('close', () => {
      if (this.client.destroyed) done();
      else this.client.once('close', done);
      this.reset();
    });
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.server.destroy();
  }
}

/** One direction of all connections: steps are taken in order, at once or when the lane is released. */
class Lane {
  readonly #waiting: Deferred<void>[] = [];
  #held: (() => void)[] | undefined;

  pass(step: () => void): void {
    if (!this.#held) {
      step();
      return;
    }
    this.#held.push(step);
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  hold(): void {
    this.#held ??= [];
  }

  async holding(): Promise<void> {
    if (this.#held?.length) return;
    const next = deferred();
    this.#waiting.push(next);
    await next.promise;
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const step of held) step();
  }
}

/** What waits for a request that contains a text; each is taken once. */
class Watches<T> {
  #waiting: (Deferred<T> & { text: string })[] = [];

  add(text: string): Promise<T> {
    const watch = { ...deferred<T>(), text: text.toLowerCase() };
    this.#waiting.push(watch);
    return watch.promise;
  }

  take(request: RedisRequest): Deferred<T>[] {
    const text = request.text.toLowerCase();
    const taken = this.#waiting.filter((watch) => text.includes(watch.text));
    this.#waiting = this.#waiting.filter((watch) => !taken.includes(watch));
    return taken;
  }
}
