import { createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../../support/free-port.js';
import { CLEAR, type Conditions } from './conditions.js';
import { type Kind, ProxiedConnection } from './proxied-connection.js';

const FULL = '-ERR max number of clients reached\r\n';

/** Stands between one worker and one server, under conditions that change. */
export class FaultProxy {
  readonly #connections = new Set<ProxiedConnection>();
  /** The half of a hole to the server outlives that to the client. */
  readonly #holes = new Set<ProxiedConnection>();
  readonly #listener: Server;
  #conditions = CLEAR;
  #limit = Number.POSITIVE_INFINITY;

  private constructor(
    readonly port: number,
    public targetPort: number,
  ) {
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    for (;;) {
      const proxy = new FaultProxy(await freePort(), targetPort);
      if (await proxy.#listens()) return proxy;
    }
  }

  /** The last request of each that is open. A hole that its client has closed stays open on this side only. */
  get connections(): readonly string[] {
    const open = [...this.#connections].filter(({ isHole, clientEnded }) => !(isHole && clientEnded));
    return open.map(({ lastRequest }) => lastRequest);
  }

  /** A connection for messages works; or, for all that its client knows, one does that swallows everything. */
  get carriesMessages(): boolean {
    return [...this.#connections].some(({ kind, clientEnded }) => kind === 'messages' && !clientEnded);
  }

  set(changed: Partial<Conditions>): void {
    this.#conditions = { ...CLEAR, ...changed };
    for (const connection of this.#connections) connection.conditionsChanged();
  }

  /** The connections of these kinds swallow everything from now on, for good; new ones work. */
  swallow(kinds: readonly Kind[], noticed: boolean): void {
    for (const connection of this.#of(kinds)) {
      this.#holes.add(connection);
      connection.swallow(noticed);
    }
  }

  /** Ends the connections for messages, and takes no more than the others until `lift()`, as a server that is full. */
  fill(): void {
    this.#limit = this.#of(['commands']).length;
    for (const connection of this.#of(['messages'])) connection.reset();
  }

  lift(): void {
    this.#limit = Number.POSITIVE_INFINITY;
  }

  /** New connections go to another server; those that are open stay where they are. */
  moveTo(port: number): void {
    this.targetPort = port;
  }

  resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }

  stop(): void {
    this.#listener.close();
    this.resetAll();
    for (const hole of this.#holes) hole.reset();
  }

  #of(kinds: readonly Kind[]): ProxiedConnection[] {
    return [...this.#connections].filter(({ kind, isHole }) => !isHole && kinds.includes(kind));
  }

  #accept(client: Socket): void {
    if (this.#connections.size >= this.#limit) {
      client.on('error', () => {}).end(FULL, () => client.destroy());
      return;
    }
    const connection = new ProxiedConnection(client, this.targetPort, () => this.#conditions);
    this.#connections.add(connection);
    client.once('close', () => this.#connections.delete(connection));
  }

  /** False: another process was faster on the port that was free a moment ago. */
  #listens(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#listener.once('error', () => resolve(false));
      this.#listener.listen(this.port, '127.0.0.1', () => resolve(true));
    });
  }
}
