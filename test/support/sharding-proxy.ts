import { createServer, type Server, type Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { RedisRequestReader } from './redis-requests.js';

/**
 * A proxy that spreads the keys over several servers, as twemproxy and Envoy do: a script goes, with all its keys, to the
 * server of the first one. What is no script is refused.
 */
export class ShardingProxy implements AsyncDisposable {
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(servers: readonly Redis[]) {
    this.#listener = createServer((socket) => {
      this.#sockets.add(socket);
      const reader = new RedisRequestReader();
      let answered: Promise<unknown> = Promise.resolve();
      socket.on('error', () => {});
      socket.on('data', (data) => {
        for (const { bytes } of reader.read(data)) {
          answered = answered.then(async () => socket.write(await answer(servers, wordsOf(bytes))));
        }
      });
    });
  }

  static async before(servers: readonly Redis[]): Promise<ShardingProxy> {
    const proxy = new ShardingProxy(servers);
    await new Promise<void>((resolve) => proxy.#listener.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function answer(servers: readonly Redis[], [name = '', ...args]: string[]): Promise<string> {
  if (!/^eval(sha)?$/i.test(name)) return `-ERR unsupported command ${name}\r\n`;
  try {
    const reply = await shardOf(servers, args[2] as string).call(name, ...args);
    if (typeof reply === 'number') return `:${reply}\r\n`;
    return reply === null ? '$-1\r\n' : `$${Buffer.byteLength(String(reply))}\r\n${reply}\r\n`;
  } catch (error) {
    return `-${(error as Error).message}\r\n`;
  }
}

function shardOf(servers: readonly Redis[], key: string): Redis {
  const hashed = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
  const sum = [...hashed].reduce((total, letter) => total + (letter.codePointAt(0) as number), 0);
  return servers[sum % servers.length] as Redis;
}

/** The words of a whole request, in the protocol of Redis. */
function wordsOf(bytes: Buffer): string[] {
  const text = bytes.toString('latin1');
  const words: string[] = [];
  for (let at = text.indexOf('\r\n') + 2; at < text.length; ) {
    const line = text.indexOf('\r\n', at);
    const size = Number(text.slice(at + 1, line));
    words.push(Buffer.from(text.slice(line + 2, line + 2 + size), 'latin1').toString());
    at = line + 4 + size;
  }
  return words;
}
