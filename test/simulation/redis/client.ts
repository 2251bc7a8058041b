// What the package finds in the place of ioredis: its states, queues and repeats, after version 6, over simulated links.
import { AsyncResource } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { SimProcess } from '../machine/process.js';
import type { Network, Role, Wire } from './network.js';
import { type Reply, ReplyError, Status } from './reply.js';

const CLOSED = 'Connection is closed.';
/** The server answers them before the connection is ready, too. */
const HANDSHAKE = 'handshake';

interface Options {
  host: string;
  port: number;
  lazyConnect: boolean;
  connectTimeout: number;
  disconnectTimeout: number;
  maxRetriesPerRequest: number | null;
  autoResubscribe: boolean;
  autoResendUnfulfilledCommands: boolean;
  enableOfflineQueue: boolean;
  enableReadyCheck: boolean;
  commandTimeout?: number;
  socketTimeout?: number;
  retryStrategy: ((times: number) => unknown) | null;
  reconnectOnError: ((error: Error) => unknown) | null;
}

interface Command {
  readonly args: readonly string[];
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Its place in a pipeline. */
  readonly place?: number;
  cancelTimeout?: () => void;
}

/** A class that opens connections from this process, as `Redis` of ioredis is. */
export function redisFor(process: SimProcess, network: Network): new (...args: unknown[]) => SimRedis {
  return class Redis extends SimRedis {
    constructor(...args: unknown[]) {
      super(process, network, args);
    }

    duplicate(override: Partial<Options> = {}): Redis {
      return new Redis({ ...this.options, ...override });
    }
  };
}

export class SimRedis extends EventEmitter {
  readonly options: Options;
  status = '';
  stream: SimStream | undefined;
  reconnectTimeout: unknown = null;
  readonly #process: SimProcess;
  readonly #network: Network;
  #role: Role = 'commands';
  #retryAttempts = 0;
  #epoch = 0;
  #manuallyClosing = false;
  #handshaking = false;
  #queue: Command[] = [];
  #unfulfilled: Command[] | undefined;
  #offline: Command[] = [];
  #channels = new Set<string>();
  #resubscribe = false;
  #socketTimer: { cancel(): void } | undefined;

  constructor(process: SimProcess, network: Network, args: readonly unknown[]) {
    super();
    this.#process = process;
    this.#network = network;
    this.options = optionsFrom(args, process);
    if (this.options.lazyConnect) this.#setStatus('wait');
    else this.connect().catch(() => {});
  }

  /** As far as the package looks at it. */
  get commandQueue(): { readonly length: number; peekFront(): unknown } {
    return { length: this.#queue.length, peekFront: () => this.#queue[0] };
  }

  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (['connecting', 'connect', 'ready'].includes(this.status)) {
        reject(new Error('Redis is already connecting/connected'));
        return;
      }
      this.#epoch += 1;
      this.#setStatus('connecting');
      this.#open();
      const ready = (): void => {
        this.off('close', closed);
        resolve();
      };
      const closed = (): void => {
        this.off('ready', ready);
        reject(new Error(CLOSED));
      };
      this.once('ready', ready);
      this.once('close', closed);
    });
  }

  disconnect(reconnect = false): void {
    if (!reconnect) this.#manuallyClosing = true;
    if (this.reconnectTimeout && !reconnect) {
      (this.reconnectTimeout as { cancel(): void }).cancel();
      this.reconnectTimeout = null;
      // As ioredis: there is no stream whose end would be told.
      if (this.status === 'reconnecting') this.#closed();
      return;
    }
    if (this.status === 'wait') this.#closed();
    else this.stream?.end();
  }

  quit(): Promise<string> {
    this.disconnect();
    return Promise.resolve('OK');
  }

  evalsha(...args: unknown[]): Promise<unknown> {
    return this.call('evalsha', ...args);
  }

  eval(...args: unknown[]): Promise<unknown> {
    return this.call('eval', ...args);
  }

  subscribe(...channels: string[]): Promise<unknown> {
    return this.call('subscribe', ...channels);
  }

  unsubscribe(...channels: string[]): Promise<unknown> {
    return this.call('unsubscribe', ...channels);
  }

  publish(channel: string, message: string): Promise<unknown> {
    return this.call('publish', channel, message);
  }

  info(...sections: string[]): Promise<unknown> {
    return this.call('info', ...sections);
  }

  ping(): Promise<unknown> {
    return this.call('ping');
  }

  wait(replicas: number, timeout: number): Promise<unknown> {
    return this.call('wait', replicas, timeout);
  }

  scan(...args: unknown[]): Promise<unknown> {
    return this.call('scan', ...args);
  }

  call(name: string, ...args: unknown[]): Promise<unknown> {
    return this.sendCommand([name, ...args].map(String));
  }

  pipeline(): SimPipeline {
    return new SimPipeline((args, place) => this.sendCommand(args, place));
  }

  sendCommand(args: readonly string[], place?: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const command: Command = { args, resolve, reject, ...(place !== undefined && { place }) };
      const { commandTimeout } = this.options;
      if (commandTimeout !== undefined && !this.#handshaking) {
        const timer = this.#process.setTimer(() => reject(new Error('Command timed out')), commandTimeout);
        command.cancelTimeout = () => timer.cancel();
      }
      this.#send(command);
    });
  }

  #send(command: Command): void {
    if (this.status === 'wait') this.connect().catch(() => {});
    if (this.status === 'end') {
      command.reject(new Error(CLOSED));
      return;
    }
    const writable = this.stream?.writable === true && (this.status === 'ready' || command.args[0] === HANDSHAKE);
    if (!writable) {
      if (this.options.enableOfflineQueue) this.#offline.push(command);
      else command.reject(new Error("Stream isn't writeable and enableOfflineQueue options is false"));
      return;
    }
    this.#write(command);
  }

  #write(command: Command): void {
    const { args } = command;
    const name = args[0]?.toLowerCase();
    if (name === 'subscribe') this.#becomes('messages');
    if (name === 'wait') this.#becomes('replicas');
    this.#queue.push(command);
    this.stream?.wire?.send(args[0] === HANDSHAKE ? args.slice(1) : args);
    if (this.options.socketTimeout !== undefined && !this.#socketTimer) this.#armSocketTimer();
  }

  #becomes(role: Role): void {
    this.#role = role;
    if (this.stream?.wire) this.stream.wire.role = role;
  }

  #armSocketTimer(): void {
    const { stream } = this;
    const ms = this.options.socketTimeout as number;
    this.#socketTimer = this.#process.setTimer(() => {
      this.#socketTimer = undefined;
      stream?.destroy(new Error(`Socket timeout. Expecting data, but didn't receive any in ${ms}ms.`));
    }, ms);
  }

  #open(): void {
    const stream = new SimStream(this.#process, this.options.disconnectTimeout);
    this.stream = stream;
    stream.once('error', (error: Error) => this.#silentEmit(error));
    stream.once('close', () => this.#closed());
    const { host, port, connectTimeout } = this.options;
    const timer = this.#process.setTimer(() => {
      stream.destroy(Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }));
    }, connectTimeout);
    stream.once('connect', () => {
      timer.cancel();
      void this.#handshake(stream);
    });
    stream.once('close', () => timer.cancel());
    // Outside the async context of the caller, or rather: in that of the socket, whoever uses it later.
    const inContext = (run: () => void): void => stream.context.runInAsyncScope(run);
    stream.wire = this.#network.open(this.#process, `${host}:${port}`, this.#role, {
      connected: () => inContext(() => stream.connected()),
      refused: () =>
        inContext(() =>
          stream.destroy(Object.assign(new Error(`connect ECONNREFUSED ${host}:${port}`), { code: 'ECONNREFUSED' })),
        ),
      received: (reply) =>
        inContext(() => {
          stream.bytesRead += 1;
          this.#received(reply);
          stream.emit('data', reply);
        }),
      pushed: (channel, message) =>
        inContext(() => {
          stream.bytesRead += 1;
          this.#heardData();
          this.emit('message', channel, message);
          stream.emit('data', message);
        }),
      ended: (error) => inContext(() => stream.destroy(error)),
    });
  }

  /** HELLO, and the ready check. */
  async #handshake(stream: SimStream): Promise<void> {
    this.#queue = [];
    this.#handshaking = true;
    this.#setStatus('connect');
    const epoch = this.#epoch;
    const isActive = (): boolean => epoch === this.#epoch && this.status === 'connect' && this.stream === stream;
    try {
      await this.sendCommand([HANDSHAKE, 'hello', '3']);
      for (;;) {
        if (!isActive()) return;
        if (!this.options.enableReadyCheck) break;
        const info = String(await this.sendCommand([HANDSHAKE, 'info']));
        if (!isActive()) return;
        if (!/^loading:1/m.test(info)) break;
        await new Promise<void>((resolve) => void this.#process.setTimer(resolve, 1_000));
      }
    } catch (error) {
      if (!isActive()) return;
      this.#flush(error as Error);
      this.#silentEmit(error as Error);
      this.disconnect(true);
      return;
    } finally {
      this.#handshaking = false;
    }
    this.#ready();
  }

  #ready(): void {
    this.#setStatus('ready');
    this.#retryAttempts = 0;
    if (this.#resubscribe && this.options.autoResubscribe && this.#channels.size > 0) {
      // Nobody hears what becomes of it, as in ioredis.
      this.subscribe(...this.#channels) as unknown;
    }
    this.#resubscribe = false;
    const unfulfilled = this.#unfulfilled;
    this.#unfulfilled = undefined;
    if (this.options.autoResendUnfulfilledCommands) for (const command of unfulfilled ?? []) this.#send(command);
    const offline = this.#offline;
    this.#offline = [];
    for (const command of offline) this.#send(command);
  }

  #received(reply: Reply): void {
    const command = this.#queue.shift();
    this.#heardData();
    if (!command) return;
    command.cancelTimeout?.();
    if (reply instanceof ReplyError) {
      this.#refused(command, Object.assign(new Error(reply.message), { name: 'ReplyError' }));
      return;
    }
    if (command.args[0] === 'subscribe') for (const channel of command.args.slice(1)) this.#channels.add(channel);
    if (command.args[0] === 'unsubscribe') for (const channel of command.args.slice(1)) this.#channels.delete(channel);
    command.resolve(plain(reply));
  }

  #refused(command: Command, error: Error): void {
    const reconnects = this.options.reconnectOnError?.(error);
    if (reconnects === 1 || reconnects === true || reconnects === 2) {
      if (this.status !== 'reconnecting') this.disconnect(true);
      if (reconnects === 2) {
        this.#send(command);
        return;
      }
    }
    command.reject(error);
  }

  #heardData(): void {
    this.#socketTimer?.cancel();
    this.#socketTimer = undefined;
    if (this.options.socketTimeout !== undefined && this.#queue.length > 0) this.#armSocketTimer();
  }

  /** The stream has ended, or there was none. */
  #closed(): void {
    const before = this.status;
    this.#setStatus('close');
    this.#socketTimer?.cancel();
    this.#socketTimer = undefined;
    this.#abortCutPipelines();
    if (before === 'ready') {
      this.#resubscribe ||= this.#channels.size > 0;
      if (this.#queue.length > 0) this.#unfulfilled = this.#queue;
    }
    if (this.#manuallyClosing) {
      this.#manuallyClosing = false;
      this.#end();
      return;
    }
    const delay = typeof this.options.retryStrategy === 'function' ? this.#nextDelay() : undefined;
    if (typeof delay !== 'number') {
      this.#end();
      return;
    }
    this.#setStatus('reconnecting', delay);
    const reconnect = (): void => {
      this.reconnectTimeout = null;
      this.connect().catch(() => {});
    };
    this.reconnectTimeout = this.#process.setTimer(reconnect, delay, { keeps: true });
    const { maxRetriesPerRequest: most } = this.options;
    if (typeof most === 'number' && most >= 0 && this.#retryAttempts % (most + 1) === 0) {
      const problem = `Reached the max retries per request limit (which is ${most}). Refer to "maxRetriesPerRequest" option for details.`;
      this.#flush(Object.assign(new Error(problem), { name: 'MaxRetriesPerRequestError' }));
    }
  }

  #nextDelay(): unknown {
    this.#retryAttempts += 1;
    return this.options.retryStrategy?.(this.#retryAttempts);
  }

  #end(): void {
    this.#setStatus('end');
    this.#flush(new Error(CLOSED));
  }

  #flush(error: Error): void {
    const all = [...this.#offline.splice(0), ...this.#queue.splice(0)];
    for (const command of all) command.reject(error);
  }

  /** Of a pipeline that was answered in part, the rest is not sent again. */
  #abortCutPipelines(): void {
    let expected = 0;
    this.#queue = this.#queue.filter((command) => {
      if (command.place === undefined || command.place === 0) expected = 0;
      if (command.place !== undefined && command.place !== expected++) {
        command.reject(Object.assign(new Error('Command aborted due to connection close'), { name: 'AbortError' }));
        return false;
      }
      return true;
    });
  }

  #setStatus(status: string, argument?: unknown): void {
    this.status = status;
    this.#process.tick(() => this.emit(status, argument));
  }

  #silentEmit(error: Error): void {
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }
}

class SimPipeline {
  readonly #send: (args: readonly string[], place: number) => Promise<unknown>;
  readonly #commands: string[][] = [];

  constructor(send: (args: readonly string[], place: number) => Promise<unknown>) {
    this.#send = send;
  }

  get length(): number {
    return this.#commands.length;
  }

  evalsha(...args: unknown[]): this {
    return this.#add('evalsha', args);
  }

  eval(...args: unknown[]): this {
    return this.#add('eval', args);
  }

  wait(...args: unknown[]): this {
    return this.#add('wait', args);
  }

  exec(): Promise<[Error | null, unknown][]> {
    const results = this.#commands.map((args, place) =>
      this.#send(args, place).then(
        (reply): [null, unknown] => [null, reply],
        (error: Error): [Error, undefined] => [error, undefined],
      ),
    );
    return Promise.all(results);
  }

  #add(name: string, args: readonly unknown[]): this {
    this.#commands.push([name, ...args.map(String)]);
    return this;
  }
}

/** The socket. */
class SimStream extends EventEmitter {
  readonly context = new AsyncResource('SimStream');
  wire: Wire | undefined;
  connecting = true;
  bytesRead = 0;
  destroyed = false;
  writable = true;
  readonly #process: SimProcess;
  readonly #patience: number;
  #told = false;

  constructor(process: SimProcess, patience: number) {
    super();
    this.#process = process;
    this.#patience = patience;
  }

  connected(): void {
    if (this.destroyed) return;
    this.connecting = false;
    this.emit('connect');
  }

  /** Says goodbye, and is closed once the other side has said so too; or after a while. */
  end(): void {
    if (this.destroyed) return;
    this.writable = false;
    const answered = this.wire && !this.connecting && !this.wire.swallows && this.wire.throughBoth;
    this.wire?.close();
    this.destroyed = true;
    this.#process.setTimer(() => this.#close(), answered ? 1 : this.#patience);
  }

  destroy(error?: Error): this {
    if (this.#told) return this;
    this.#told = true;
    this.writable = false;
    this.destroyed = true;
    this.wire?.close();
    this.#process.tick(() => {
      if (error) this.emit('error', error);
      this.emit('close');
    });
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  #close(): void {
    if (this.#told) return;
    this.#told = true;
    this.emit('close');
  }
}

function plain(reply: Reply): unknown {
  if (reply instanceof Status) return reply.text;
  if (reply instanceof ReplyError) return Object.assign(new Error(reply.message), { name: 'ReplyError' });
  return Array.isArray(reply) ? reply.map(plain) : reply;
}

function optionsFrom(args: readonly unknown[], process: SimProcess): Options {
  const defaults: Options = {
    host: 'localhost',
    port: 6379,
    lazyConnect: false,
    connectTimeout: 10_000,
    disconnectTimeout: 2_000,
    maxRetriesPerRequest: 20,
    autoResubscribe: true,
    autoResendUnfulfilledCommands: true,
    enableOfflineQueue: true,
    enableReadyCheck: true,
    reconnectOnError: null,
    // More often than by default, so that the bounds of the checker hold.
    retryStrategy: (times) => Math.min(2 ** (times - 1) * 50, 200) + process.random.integer(0, 199),
  };
  const given = args.map((arg) => {
    if (typeof arg === 'number') return { port: arg };
    if (typeof arg !== 'string') return arg as Partial<Options>;
    const { hostname, port } = new URL(arg);
    return { host: hostname, port: Number(port || 6379) };
  });
  return Object.assign(defaults, ...given);
}
