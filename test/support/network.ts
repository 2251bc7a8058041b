import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy whose connections can be broken one by one, in the ways in which networks break them; `TcpProxy` holds and
 * resets all of them together.
 */
export class Network implements AsyncDisposable {
  /** The port that new connections go to. */
  target: number;
  /** How many connections it admits at a time, as a server with `maxclients`. */
  limit = Number.POSITIVE_INFINITY;
  /** What new connections are: cut off from the beginning. */
  swallows = false;
  /** Sees what a client sends, in lower case. */
  onData: ((connection: NetworkConnection, text: string) => void) | undefined;
  /** What becomes of an answer. */
  rewrite: ((reply: string) => string) | undefined;
  readonly all: NetworkConnection[] = [];
  readonly #listener: Server;

  private constructor(target: number) {
    this.target = target;
    // The sockets do not answer the end of the other side by themselves: nobody does so in a hole.
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  static async before({ port }: { port: number }): Promise<Network> {
    const network = new Network(port);
    await new Promise<void>((resolve) => network.#listener.listen(0, '127.0.0.1', resolve));
    return network;
  }

  get port(): number {
    return (this.#listener.address() as { port: number }).port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get open(): NetworkConnection[] {
    return this.all.filter(({ closed }) => !closed);
  }

  /** The open connections for messages. */
  get forMessages(): NetworkConnection[] {
    return this.open.filter(({ sent }) => /\r\nsubscribe\r\n/.test(sent));
  }

  /** The open connections for locks. */
  get forCommands(): NetworkConnection[] {
    return this.open.filter(({ sent }) => /\r\neval(sha)?\r\n/.test(sent));
  }

  reset(): void {
    for (const connection of this.open) connection.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.all) connection.reset();
  }

  #accept(client: Socket): void {
    client.on('error', () => {});
    if (this.open.length >= this.limit) {
      client.end('-ERR max number of clients reached\r\n', () => client.destroy());
      return;
    }
    const connection = new NetworkConnection(client, this);
    if (this.swallows) connection.hole();
    this.all.push(connection);
  }
}

export class NetworkConnection {
  /** The latest of what the client has sent, in lower case. */
  sent = '';
  closed = false;
  readonly #client: Socket;
  readonly #server: Socket;
  #isHole = false;
  #kept: { toServer: Buffer[] | undefined; toClient: Buffer[] | undefined } = {
    toServer: undefined,
    toClient: undefined,
  };

  constructor(client: Socket, network: Network) {
    const server = connect({ port: network.target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#client = client;
    this.#server = server;
    server.on('error', () => {});
    client.on('data', (data) => {
      const text = data.toString('latin1').toLowerCase();
      this.sent = (this.sent + text).slice(-100_000);
      network.onData?.(this, text);
      if (this.#kept.toServer) this.#kept.toServer.push(data);
      else if (!this.#isHole) server.write(data);
    });
    server.on('data', (answer) => {
      const { rewrite } = network;
      const data = rewrite ? Buffer.from(rewrite(answer.toString('latin1')), 'latin1') : answer;
      if (this.#kept.toClient) this.#kept.toClient.push(data);
      else if (!this.#isHole) client.write(data);
    });
    client.on('end', () => this.#isHole || server.end());
    server.on('end', () => this.#isHole || client.end());
    client.on('close', () => {
      this.closed = true;
      if (!this.#isHole) server.destroy();
    });
    server.on('close', () => this.#isHole || client.destroy());
  }

  /**
   * From now on everything is swallowed, both ways, and neither side is told of it, as when a firewall forgets a flow.
   * `noticed`: the server has found out, and has closed its side; the client knows nothing.
   */
  hole({ noticed = false } = {}): void {
    this.#isHole = true;
    if (noticed) this.#server.destroy();
  }

  /** Keeps what the client sends. */
  holdRequests(): void {
    this.#kept.toServer ??= [];
  }

  /** Keeps what the server sends. */
  holdReplies(): void {
    this.#kept.toClient ??= [];
  }

  /** Lets go of what was kept; what belongs to a connection that is closed by now is gone. */
  release(): void {
    for (const data of this.#kept.toServer ?? []) if (!this.#server.destroyed) this.#server.write(data);
    for (const data of this.#kept.toClient ?? []) if (!this.#client.destroyed) this.#client.write(data);
    this.#kept = { toServer: undefined, toClient: undefined };
  }

  /** Both sides find it broken. */
  reset(): void {
    this.#client.resetAndDestroy();
    this.#server.destroy();
  }
}
