import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../support/event.js';
import { FaultProxy } from './proxy/fault-proxy.js';

it('a proxy knows of no connection that was reset, or that both sides have ended', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await FaultProxy.start((server.address() as { port: number }).port);
  onTestFinished(() => {
    proxy.stop();
    server.close();
  });
  const clients = [1, 2].map(() => connect(proxy.port, '127.0.0.1').on('error', () => {}));
  await until(() => proxy.connections.length === 2);
  clients[0]?.end();
  await until(() => proxy.connections.length === 1);
  proxy.resetAll();
  expect(proxy.connections).toEqual([]);
});
