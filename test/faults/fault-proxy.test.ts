import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../support/event.js';
import { FaultProxy } from './proxy/fault-proxy.js';

describe('the proxy', () => {
  let server: Server;
  let proxy: FaultProxy;
  let clients: Socket[];
  beforeEach(async () => {
    server = createServer((socket) => socket.on('error', () => {}));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await FaultProxy.start((server.address() as { port: number }).port);
    clients = [];
  });
  afterEach(() => {
    for (const client of clients) client.destroy();
    proxy.stop();
    server.close();
  });

  /** The server's end of a new connection through the proxy. */
  const accept = async (): Promise<Socket> => {
    const accepted = once(server, 'connection');
    clients.push(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {}));
    const [socket] = await accepted;
    return socket as Socket;
  };

  it('counts no connection that is reset while it ends', async () => {
    const socket = await accept();
    proxy.set({ replies: 'hold' });
    await new Promise<void>((resolve) => socket.end(resolve));
    // Another one is through, so the end of the first has arrived.
    await accept();
    expect(proxy.connections).toHaveLength(2);
    proxy.set({});
    proxy.resetAll();
    await until(() => proxy.connections.length === 0, { describe: 'no connection' });
  });

  /** What the server, or the client, has read so far. */
  const reading = (socket: Socket): { text: string } => {
    const heard = { text: '' };
    socket.on('data', (chunk: Buffer) => {
      heard.text += chunk.toString();
    });
    return heard;
  };
  const request = (...words: string[]): string =>
    `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;

  it('swallows all on connections of one kind, for good, and lets new ones pass', async () => {
    const [first, second] = [await accept(), await accept()];
    const [heardFirst, heardSecond] = [reading(first), reading(second)];
    clients[1]!.write(request('SUBSCRIBE', 'a'));
    await until(() => heardSecond.text.includes('SUBSCRIBE'), { describe: 'the subscription' });
    proxy.swallow(['messages'], false);
    clients[1]!.write(request('PING'));
    clients[0]!.write(request('PING'));
    await until(() => heardFirst.text.includes('PING'), { describe: 'the other connection' });
    const third = await accept();
    const heardThird = reading(third);
    clients[2]!.write(request('PING'));
    await until(() => heardThird.text.includes('PING'), { describe: 'the new connection' });
    expect(heardSecond.text).not.toContain('PING');
    expect(second.destroyed).toBe(false);
    expect(proxy.connections).toHaveLength(3);
  });

  it('tells no side of a hole when the other one ends, and does not count what its client has closed', async () => {
    const [first, second] = [await accept(), await accept()];
    proxy.swallow(['commands'], false);
    clients[0]!.destroy();
    await until(() => proxy.connections.length === 1, { describe: 'one connection less' });
    second.destroy();
    await accept();
    expect(first.destroyed).toBe(false);
    expect(clients[1]!.readableEnded).toBe(false);
  });

  it('closes the side of the server when that has noticed', async () => {
    const socket = await accept();
    proxy.swallow(['commands'], true);
    await until(() => socket.destroyed, { describe: 'the end of the side of the server' });
    expect(clients[0]!.readableEnded).toBe(false);
  });

  it('refuses what is more than the commands need, until there is room again', async () => {
    await accept();
    const messages = await accept();
    const heard = reading(messages);
    clients[1]!.write(request('SUBSCRIBE', 'a'));
    await until(() => heard.text.includes('SUBSCRIBE'), { describe: 'the subscription' });
    proxy.fill();
    await until(() => clients[1]!.destroyed, { describe: 'the end of the connection for messages' });
    const refused = connect({ port: proxy.port, host: '127.0.0.1' });
    clients.push(refused);
    const told = reading(refused);
    await once(refused, 'close');
    expect(told.text).toContain('max number of clients');
    proxy.lift();
    await accept();
    expect(proxy.connections).toHaveLength(2);
  });

  it('takes new connections to where it was moved, and leaves the others', async () => {
    const other = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const stays = await accept();
    const heard = reading(stays);
    proxy.moveTo((other.address() as { port: number }).port);
    const moved = once(other, 'connection');
    clients.push(connect({ port: proxy.port, host: '127.0.0.1' }).on('error', () => {}));
    await moved;
    clients[0]!.write(request('PING'));
    await until(() => heard.text.includes('PING'), { describe: 'the connection that stays' });
    other.close();
  });
});
