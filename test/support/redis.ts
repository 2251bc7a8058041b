import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { RedisServer, type RedisServerOptions } from './redis-server.js';

export interface SharedRedis {
  readonly server: RedisServer;
  readonly url: string;
  /** One client for the whole file, to look at keys with. */
  readonly client: Redis;
}

/** One server for all tests of the file (or of the `describe` that calls it); use `unique()` names on it. */
export function useRedis(options?: RedisServerOptions): SharedRedis {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await RedisServer.start(options);
    client = server.client();
  });
  afterAll(() => server?.stop());
  return {
    get server() {
      return server;
    },
    get url() {
      return server.url;
    },
    get client() {
      return client;
    },
  };
}

const run = randomBytes(4).toString('hex');
let count = 0;

/** A name that no other test uses, for locks and namespaces. */
export function unique(prefix: string): string {
  count += 1;
  return `${prefix}-${run}-${count}`;
}
