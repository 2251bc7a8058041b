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
});
