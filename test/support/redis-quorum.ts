import { until } from './event.js';
import { RedisServer, type RedisServerOptions } from './redis-server.js';

/** Independent servers that know nothing of each other. */
export class RedisQuorum implements AsyncDisposable {
  private constructor(readonly servers: readonly RedisServer[]) {}

  static async start(size = 3, options: RedisServerOptions = {}): Promise<RedisQuorum> {
    return new RedisQuorum(await Promise.all(Array.from({ length: size }, () => RedisServer.start(options))));
  }

  /** For the option `quorum`. */
  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  /** Resolves when all of them have certainly been up for so long, by what they say: before that they have no vote. */
  async up(seconds: number): Promise<void> {
    const clients = this.servers.map((server) => server.client());
    for (const client of clients) {
      // Which is cut to whole seconds, and may be one too many.
      await until(async () => Number(/uptime_in_seconds:(\d+)/.exec(await client.info('server'))?.[1]) > seconds, {
        describe: `a server that has been up for ${seconds} s`,
      });
      client.disconnect();
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
