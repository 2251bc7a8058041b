import { runtime } from '../../core/runtime.js';
import { after, type CancelTimer } from '../../core/timer.js';
import type { RedisClient } from './redis-client.js';

/** How much later than planned a reconnect is taken for lost, in ms. */
const LATE_MS = 100;
/** A Cluster does not say when it will connect again; this is as long as it waits by default. */
const CLUSTER_DELAY_MS = 2_000;
/** A socket that is to end, and has not after this long, is destroyed. */
const END_MS = 1_000;

/** What a stream does that has its end in the next tick. */
const STREAM_METHODS = ['push', 'write', 'end', 'destroy'] as const;

type Stream = { on?(event: 'data' | 'end' | 'error', listener: () => void): unknown } & {
  [method in (typeof STREAM_METHODS)[number]]?: (...args: unknown[]) => unknown;
};

interface Connector {
  connect?(...args: unknown[]): Promise<Stream>;
  connectToSentinel?(endpoint: unknown, options?: object): RedisClient;
}

/** What of an ioredis client hangs on timers and ticks. */
interface Internals {
  readonly isCluster?: boolean;
  readonly connector?: Connector;
  readonly stream?: Stream;
  connect(...args: unknown[]): Promise<unknown>;
  disconnect(...args: unknown[]): void;
  setStatus?(status: string, arg?: unknown): void;
  on(event: '+node', listener: (node: Internals) => void): unknown;
}

/**
 * Makes a client of ours that goes on while a test fakes timers. ioredis takes `process.nextTick` and `setTimeout` from
 * the globals whenever it needs them: it would neither open a connection, nor say that it has one, nor come back after
 * it was lost; and what a fake has swallowed never happens, also when the timers are real again.
 */
export function steadyClient(make: () => RedisClient): RedisClient {
  const client = unfaked(make);
  steady(client as unknown as Internals);
  return client;
}

/**
 * A client that was handed in is left as it is, but for this: what it reads while ticks are fakes would lie in its socket
 * for good, and all that comes later behind it. With a listener that was added by `on`, a socket hands on at once.
 */
export function keepReading(client: RedisClient): void {
  const { isCluster, stream } = client as unknown as Internals;
  if (!isCluster) readAtOnce(stream);
  else for (const node of (client.nodes as (() => readonly RedisClient[]) | undefined)?.call(client) ?? []) watch(node);
}

/** Nodes that are watched; they go when the Cluster does. */
const WATCHED = new WeakSet<object>();

function watch(node: RedisClient): void {
  if (WATCHED.has(node)) return;
  WATCHED.add(node);
  node.on('connect', () => keepReading(node));
  keepReading(node);
}

/** Sockets that have such a listener. */
const READ_AT_ONCE = new WeakSet<object>();

function readAtOnce(stream: Stream | null | undefined): void {
  if (!stream || READ_AT_ONCE.has(stream)) return;
  READ_AT_ONCE.add(stream);
  unfaked(() => stream.on?.('data', () => {}));
}

/** After `disconnect()`: a socket does not end by itself when a fake has kept what was written from being done with. */
export function endStream(client: RedisClient): void {
  const { stream } = client as unknown as Internals;
  if (stream) after(END_MS, () => stream.destroy?.());
}

function steady(client: Internals): void {
  const { connect, disconnect, setStatus } = client;
  let cancelReconnect: CancelTimer | undefined;
  // With Sentinel, what was asked before is asked again after a pause, which begins here.
  client.connect = (...args) => unfaked(() => inRealTime(() => connect.apply(client, args)));
  client.disconnect = (...args) => {
    cancelReconnect?.();
    unfaked(() => disconnect.apply(client, args));
  };
  if (client.isCluster) client.on('+node', steady);
  if (client.connector) steadyConnector(client.connector);
  if (!setStatus) return;
  client.setStatus = (status, arg) => {
    cancelReconnect?.();
    if (status === 'connect') steadyStream(client.stream);
    unfaked(() => setStatus.call(client, status, arg));
    if (status !== 'reconnecting') return;
    // ioredis is about to arm a timer for that, which may be a fake.
    const late = (typeof arg === 'number' ? arg : CLUSTER_DELAY_MS) + LATE_MS;
    cancelReconnect = after(late, () => void client.connect().catch(() => {}));
  };
}

function steadyConnector(connector: Connector): void {
  const connect = connector.connect?.bind(connector);
  const connectToSentinel = connector.connectToSentinel?.bind(connector);
  if (connect)
    connector.connect = async (...args) => {
      const stream = await connect(...args);
      // ioredis hears the first error of a socket only. With TLS a second one may follow, also when it has been given up,
      // which would end the process.
      stream.on?.('error', () => {});
      return stream;
    };
  // Lazy: it is steady before it connects.
  if (connectToSentinel)
    connector.connectToSentinel = (endpoint, options) =>
      steadyClient(() => connectToSentinel(endpoint, { ...options, lazyConnect: true }));
}

function steadyStream(stream: Stream | undefined): void {
  if (!stream) return;
  for (const method of STREAM_METHODS) {
    const original = stream[method];
    if (original) stream[method] = (...args) => unfaked(() => original.apply(stream, args));
  }
  // It flows by this; what ioredis does to make it flow happens in the next tick.
  readAtOnce(stream);
  // What comes between the end of the other side and the end of ours is left to the next tick, too.
  stream.on?.('end', () => stream.destroy?.());
}

/** Runs `fn` with the real `setTimeout`. */
function inRealTime<T>(fn: () => T): T {
  return during(globalThis, 'setTimeout', runtime.setTimeout as typeof setTimeout, fn);
}

/** Runs `fn`, and all that it leaves to the next tick, with the real `process.nextTick`. */
function unfaked<T>(fn: () => T): T {
  const { nextTick } = process;
  if (nextTick === runtime.nextTick) return fn();
  const tick = (callback: (...args: never[]) => void, ...args: never[]): void =>
    runtime.nextTick(() => unfaked(() => callback(...args)));
  return during(process, 'nextTick', tick, fn);
}

/** Runs `fn` while `owner` has another value. */
function during<O extends object, K extends keyof O, T>(owner: O, key: K, value: O[K], fn: () => T): T {
  const before = owner[key];
  if (before === value) return fn();
  owner[key] = value;
  try {
    return fn();
  } finally {
    owner[key] = before;
  }
}
