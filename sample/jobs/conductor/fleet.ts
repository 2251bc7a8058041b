import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Push, Reply, Request } from '../protocol.js';

/** One life of a job server: from its start until it is killed, or has finished. */
export interface Life {
  /** `server 2, life 3`. */
  readonly name: string;
  readonly server: number;
  send(message: Push | Reply): void;
}

export interface FleetListener {
  /** What a server asks. Once it is killed, nobody hears the answer. */
  asked(life: Life, request: Request): Promise<unknown>;
  /** Its process is gone. */
  ended(life: Life): void;
}

const SERVER = fileURLToPath(new URL('../server.js', import.meta.url));

/** The processes of the job servers: each is started anew until it has finished. */
export class Fleet {
  /** The names of the lives that ended by a kill. */
  readonly killed = new Set<string>();
  private readonly processes = new Map<Life, ChildProcess>();
  private readonly runs: Promise<void>[];
  private readonly lives = new Map<number, number>();
  private closed = false;

  constructor(
    size: number,
    private readonly environment: NodeJS.ProcessEnv,
    private readonly listener: FleetListener,
  ) {
    this.runs = Array.from({ length: size }, (_, index) => this.run(index + 1));
  }

  /** Resolves when all servers have finished; rejects when one ended otherwise than by a kill. */
  async finished(): Promise<void> {
    await Promise.all(this.runs);
  }

  /** As a power cut does: no handler of the process runs any more. False: it was gone already. */
  kill(life: Life): boolean {
    const killed = this.processes.get(life)?.kill('SIGKILL') === true;
    if (killed) this.killed.add(life.name);
    return killed;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const child of this.processes.values()) child.kill('SIGKILL');
    await Promise.allSettled(this.runs);
  }

  private async run(server: number): Promise<void> {
    for (;;) {
      const number = (this.lives.get(server) ?? 0) + 1;
      this.lives.set(server, number);
      const name = `server ${server}, life ${number}`;
      const code = await this.live(name, server);
      if (code === 0 || this.closed) return;
      if (!this.killed.has(name)) throw new Error(`${name} ended with code ${code}`);
    }
  }

  private live(name: string, server: number): Promise<number | null> {
    const child = fork(SERVER, { env: { ...this.environment, SERVER: name }, serialization: 'advanced' });
    // A message to somebody who was killed is lost.
    const send = (message: Push | Reply) => void (child.connected && child.send(message, () => undefined));
    const life: Life = { name, server, send };
    this.processes.set(life, child);
    child.on('message', (request: Request) => void this.answer(life, request));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      // Not at its exit: what it had sent before is read until then.
      child.once('close', (code) => {
        this.processes.delete(life);
        this.listener.ended(life);
        resolve(code);
      });
    });
  }

  private async answer(life: Life, request: Request): Promise<void> {
    const { call } = request;
    try {
      life.send({ call, value: await this.listener.asked(life, request) });
    } catch (error) {
      life.send({ call, error: String(error) });
    }
  }
}
