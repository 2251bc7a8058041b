/** Commands that are sent together, on one connection. */
export interface RedisPipeline {
  evalsha(sha1: string, numkeys: number, ...args: string[]): RedisPipeline;
  eval(script: string, numkeys: number, ...args: string[]): RedisPipeline;
  wait(replicas: number, timeout: number): RedisPipeline;
  exec(): Promise<[error: Error | null, reply: unknown][] | null>;
}

/**
 * What this package calls on an ioredis client: a `Redis` or a `Cluster` of version 5 or 6, or anything that has these
 * few methods (iovalkey has).
 */
export interface RedisClient {
  /** `'ready'` when commands can be sent; a client without a status is taken as ready. */
  readonly status?: string;
  readonly isCluster?: boolean;
  evalsha(sha1: string, numkeys: number, ...args: string[]): Promise<unknown>;
  eval(script: string, numkeys: number, ...args: string[]): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  /** A second connection of the same kind, for messages; with these options where the client takes any. */
  duplicate(options?: object): RedisClient;
  connect(): Promise<unknown>;
  info?(section: string): Promise<unknown>;
  /** Needed for the option `replicas` only. */
  pipeline?(): RedisPipeline;
  /** Needed for the names of all locks only, as `query` of a lock manager tells them. */
  scan?(cursor: string, match: 'MATCH', pattern: string, count: 'COUNT', keys: number): Promise<[string, string[]]>;
  /** Of a Cluster: the clients of its primaries. */
  nodes?(role: 'master'): readonly RedisClient[];
  disconnect(): void;
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of the events differ.
  on(event: string, listener: (...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: the listeners of the events differ.
  off(event: string, listener: (...args: any[]) => void): unknown;
}
