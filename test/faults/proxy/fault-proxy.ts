import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { freePort } from '../../support/free-port.js';
import { CLEAR, type Conditions } from './conditions.js';
import { ProxiedConnection } from './proxied-connection.js';

/** Stands between one worker and one server, under conditions that change. */
export class FaultProxy {
  readonly #connections = new Set<ProxiedConnection>();
  readonly #listener: Server;
  #conditions = CLEAR;

  private constructor(
    readonly port: number,
    readonly targetPort: number,
  ) {
    this.#listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      const connection = new ProxiedConnection(client, targetPort, () => this.#conditions);
      this.#connections.add(connection);
      client.once('close', () => this.#connections.delete(connection));
    });
  }

  static async start(targetPort: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(await freePort(), targetPort);
    proxy.#listener.listen(proxy.port, '127.0.0.1');
    await once(proxy.#listener, 'listening');
    return proxy;
  }

  /** The last request of each that is open. */
  get connections(): readonly string[] {
    return [...this.#connections].map(({ lastRequest }) => lastRequest);
  }

  set(changed: Partial<Conditions>): void {
    this.#conditions = { ...CLEAR, ...changed };
    for (const connection of this.#connections) connection.conditionsChanged();
  }

  resetAll(): void {
    for (const connection of this.#connections) connection.reset();
  }

  stop(): void {
    this.#listener.close();
    this.resetAll();
  }
}
