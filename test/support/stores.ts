import { type LockModuleOptions, type LockStore, MemoryLockStore, type RedisSource } from '../../lib/index.js';
import { Connection } from '../../lib/stores/redis/connection.js';
import { RedisLockStore } from '../../lib/stores/redis/redis-lock-store.js';
import { type SharedRedis, unique } from './redis.js';
import { type StoreCall, StoreProxy } from './store-proxy.js';
import { TcpProxy } from './tcp-proxy.js';

/** A way to a store that the test can hold up: a `TcpProxy` or a `StoreProxy`. */
export interface Line {
  seen(call: StoreCall): Promise<unknown>;
  holdRequests(): void;
  holdReplies(): void;
  release(): void;
}

export interface SlowLine {
  readonly line: Line;
  /** For services whose way to the store is the line. */
  readonly slow: LockModuleOptions;
  /** For services that share their locks, on a way of their own. */
  readonly direct: LockModuleOptions;
}

/** One of the stores of this package, as tests use it. */
export interface StoreUnderTest {
  readonly name: string;
  /** Options for services that share their locks with each other and with nobody else. */
  shared(): LockModuleOptions;
  slowLine(): Promise<SlowLine & AsyncDisposable>;
  /** The port itself. */
  port(): Promise<LockStore & AsyncDisposable>;
}

/** Tests fail things on purpose. */
export const quiet = { warn: (): void => {}, error: (): void => {} };

/** Says nothing, and waits for nobody when it is closed. */
export const inTests = { logger: quiet, shutdownGrace: 0 };

/** For `describe.each`: what holds must hold on both. */
export function bothStores(redis: SharedRedis): StoreUnderTest[] {
  return [memoryUnderTest, redisUnderTest(redis)];
}

export const memoryUnderTest: StoreUnderTest = {
  name: 'memory',
  shared: () => ({ store: new MemoryLockStore(), ...inTests }),
  slowLine: async () => {
    const store = new MemoryLockStore();
    const line = new StoreProxy(store);
    return {
      line,
      slow: { store: line.store, ...inTests },
      direct: { store, ...inTests },
      [Symbol.asyncDispose]: async () => line.release(),
    };
  },
  port: async () => Object.assign(new MemoryLockStore(), { [Symbol.asyncDispose]: async () => {} }),
};

export function redisUnderTest(redis: SharedRedis): StoreUnderTest {
  const on = (url: string, namespace: string): LockModuleOptions & { redis: RedisSource } => {
    // What a test leaves held does not hold up its end.
    return { redis: url, namespace, ...inTests };
  };
  return {
    name: 'Redis',
    shared: () => on(redis.url, unique('ns')),
    slowLine: async () => {
      const line = await TcpProxy.start(redis.server);
      const namespace = unique('ns');
      return {
        line,
        slow: on(line.url, namespace),
        direct: on(redis.url, namespace),
        [Symbol.asyncDispose]: async () => line.stop(),
      };
    },
    port: async () => {
      const connection = await Connection.open(redis.url, quiet);
      const store = new RedisLockStore({
        connection,
        namespace: unique('ns'),
        commandTimeout: 5_000,
        logger: quiet,
      });
      return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
    },
  };
}
