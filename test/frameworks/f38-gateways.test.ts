import { io, type Socket } from 'socket.io-client';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createLockService, type LockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { App, NEST_VERSIONS, type NestVersion } from './support/app.js';

const redis = useRedis();
const quiet = { warn: () => {}, error: () => {} };

const BUSY = { status: 'error', message: 'Locked', code: 'LOCK_BUSY' };
const UNAVAILABLE = { status: 'error', message: 'Service Unavailable', code: 'LOCK_UNAVAILABLE' };

/** A gateway in a process of its own, and a service elsewhere that shares its locks. */
async function start(nest: NestVersion, adapter: 'io' | 'ws', { url }: { url: string }) {
  const namespace = unique('gateway');
  const app = await App.start('gateway', nest, { REDIS_URL: url, NAMESPACE: namespace, ADAPTER: adapter });
  const locks = await createLockService({ redis: url, namespace, logger: quiet });
  onTestFinished(() => locks.close());
  return { app, locks };
}

async function connectIo({ port }: App): Promise<Socket> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'] });
  onTestFinished(() => void socket.disconnect());
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject));
  return socket;
}

const next = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve) => void socket.once(event, resolve));

/** What a raw client is sent, in order. */
class RawClient {
  readonly received: string[] = [];

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => this.received.push(String(data)));
  }

  static async connect({ port }: App): Promise<RawClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    onTestFinished(() => socket.terminate());
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new RawClient(socket);
  }

  async ask(event: string, data: object): Promise<unknown> {
    const before = this.received.length;
    this.socket.send(JSON.stringify({ event, data }));
    await until(() => this.received.length > before, { describe: `an answer to ${event}` });
    return JSON.parse(this.received[before] as string);
  }
}

const waiters = async (locks: LockService, name: string) => (await locks.inspect(name)).waiting.length;
const comes = (locks: LockService, name: string) => until(async () => (await waiters(locks, name)) > 0);
const leaves = (locks: LockService, name: string) => until(async () => (await waiters(locks, name)) === 0);

it.each(NEST_VERSIONS)('a gateway of socket.io on Nest %i answers as the filter of Nest does', async (nest) => {
  await using server = await RedisServer.start();
  const { app, locks } = await start(nest, 'io', server);
  const socket = await connectIo(app);
  const own = next(socket, 'exception');
  socket.emit('own', {});
  expect(await own).toEqual(BUSY);

  const held = await locks.acquire('lot:7');
  for (const event of ['bid', 'offer']) {
    const exception = next(socket, 'exception');
    socket.emit(event, { lot: '7' });
    expect(await exception).toEqual(BUSY);
    const again = next(socket, 'exception');
    expect(await socket.timeout(10_000).emitWithAck(event, { lot: '7' })).toEqual(BUSY);
    expect(await again).toEqual(BUSY);
  }

  // A client that has gone before its answer ends nothing.
  const other = await connectIo(app);
  other.emit('patient', { lot: '7' });
  await comes(locks, 'lot:7');
  other.disconnect();
  await leaves(locks, 'lot:7');

  await held.release();
  const accepted = next(socket, 'accepted');
  socket.emit('bid', { lot: '7' });
  expect(await accepted).toBe('7');
  expect(await socket.timeout(10_000).emitWithAck('offer', { lot: '7' })).toBe('accepted 7');
  expect(app.all('logged')).toEqual([]);

  await server.kill();
  expect(await socket.timeout(10_000).emitWithAck('offer', { lot: '8' })).toEqual(UNAVAILABLE);
  expect(app.running).toBe(true);
});

it.each(NEST_VERSIONS)('a gateway of raw WebSockets on Nest %i answers `{ event, data }`', async (nest) => {
  const { app, locks } = await start(nest, 'ws', redis);
  const client = await RawClient.connect(app);
  // The filter of Nest 10 and 11 reaches no raw client.
  if (nest === 12) expect(await client.ask('own', {})).toEqual({ event: 'exception', data: BUSY });
  const held = await locks.acquire('lot:7');
  expect(await client.ask('bid', { lot: '7' })).toEqual({ event: 'exception', data: BUSY });

  const other = await RawClient.connect(app);
  other.socket.send(JSON.stringify({ event: 'patient', data: { lot: '7' } }));
  await comes(locks, 'lot:7');
  other.socket.terminate();
  await leaves(locks, 'lot:7');

  await held.release();
  expect(await client.ask('bid', { lot: '7' })).toEqual({ event: 'accepted', data: '7' });
  expect(app.running).toBe(true);
  expect(app.all('logged')).toEqual([]);
});
