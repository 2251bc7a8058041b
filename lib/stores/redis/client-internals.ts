import type { RedisClient } from './redis-client.js';

/*
 * What is known of an ioredis client beyond its documented methods. Each of these may be missing, in another version or
 * in another client, and is then done without.
 */

interface Stream {
  readonly bytesRead?: number;
  destroy?(): void;
  ref?(): void;
  unref?(): void;
}

/** A connection to one server. */
interface Node {
  readonly stream?: Stream;
  /** What was sent and is not answered yet. */
  readonly commandQueue?: { peekFront?(): unknown };
}

interface Internals extends Node {
  readonly options?: { autoResubscribe?: boolean };
  readonly reconnectTimeout?: { unref?(): void } | null;
  nodes?(): readonly Node[];
  refreshSlotsCache?(done: () => void): void;
  clearNodesRefreshInterval?(): void;
}

function internalsOf(client: RedisClient): Internals {
  return client as unknown as Internals;
}

/** For good. While a Cluster looks for its slots, ioredis arms the timer for the next look behind its own back. */
export function disconnect(client: RedisClient): void {
  client.disconnect();
  const internals = internalsOf(client);
  internals.refreshSlotsCache?.(() => internals.clearNodesRefreshInterval?.());
}

/** Neither the socket of the client nor its next attempt to connect keeps the process alive. */
export function letProcessEnd(client: RedisClient): void {
  const { stream, reconnectTimeout } = internalsOf(client);
  stream?.unref?.();
  reconnectTimeout?.unref?.();
}

export function keepProcess(client: RedisClient): void {
  internalsOf(client).stream?.ref?.();
}

/** ioredis subscribes again by itself, too, and hears nothing when that is rejected, which would end the process. */
export function leaveSubscribingToUs(client: RedisClient): void {
  const { options } = internalsOf(client);
  if (options) options.autoResubscribe = false;
}

/** How much a connection has read, and what it waits for first. */
interface Step {
  readonly stream: Stream;
  readonly bytesRead: number | undefined;
  readonly first: unknown;
}

/** Of each connection of a client. */
export type Progress = ReadonlyMap<Node, Step>;

export function progressOf(client: RedisClient): Progress {
  const progress = new Map();
  for (const node of nodesOf(client)) {
    const { stream, commandQueue } = node;
    if (stream) progress.set(node, { stream, bytesRead: stream.bytesRead, first: commandQueue?.peekFront?.() });
  }
  return progress;
}

/** The connections that wait for the same answer as then, and have read nothing since. */
export function silentSince(client: RedisClient, since: Progress): Progress {
  const isSilent = ([node, { stream, bytesRead, first }]: [Node, Step]): boolean => {
    const before = since.get(node);
    return before?.stream === stream && before.bytesRead === bytesRead && before.first === first && first !== undefined;
  };
  return new Map([...progressOf(client)].filter(isSilent));
}

/** Closes these connections. ioredis makes them anew. */
export function cutThese(connections: Progress): void {
  for (const { stream } of connections.values()) stream.destroy?.();
}

/** Closes the connection. The end of a half-open one is never answered, so there is none. */
export function cut(client: RedisClient): void {
  for (const { stream } of nodesOf(client)) stream?.destroy?.();
}

function nodesOf(client: RedisClient): readonly Node[] {
  const internals = internalsOf(client);
  return client.isCluster ? (internals.nodes?.() ?? []) : [internals];
}
