import { Agent, request } from 'node:http';

export interface Answer {
  /** The status; 0 when the connection was refused or broken off. */
  readonly status: number;
  readonly body: string;
}

/** Clients that ask without a pause over connections that they keep, until they are refused or told to stop. */
export class Load {
  readonly answers: Answer[] = [];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #clients: Promise<void>[];
  #stopped = false;

  constructor(port: number, pathOf: (client: number) => string, clients: number) {
    this.#clients = Array.from({ length: clients }, (_, client) => this.#askOn(port, pathOf(client)));
  }

  /** Nobody asks again. Resolves when everybody has an answer. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    // What a server keeps open for a client that may ask again holds up its end.
    this.#agent.destroy();
  }

  async #askOn(port: number, path: string): Promise<void> {
    for (let served = true; served && !this.#stopped; ) {
      const answer = await this.#ask(port, path);
      this.answers.push(answer);
      served = answer.status === 200;
    }
  }

  #ask(port: number, path: string): Promise<Answer> {
    return new Promise((resolve) => {
      const gone = (): void => resolve({ status: 0, body: '' });
      const asked = request({ host: '127.0.0.1', port, path, agent: this.#agent }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body })).on('error', gone);
      });
      asked.on('error', gone).end();
    });
  }
}
