const UNSAFE = /[{}%\p{Cc}]/gu;

/**
 * The key of a lock; its other keys are this one with a suffix. The name stands in braces, the hash tag of Redis Cluster,
 * so that all of them share a slot; what could end the tag early is encoded.
 */
export function keyOf(namespace: string, name: string): string {
  return `${namespace}:{${name.replace(UNSAFE, encodeURIComponent)}}`;
}

/** The other keys of the lock with this key. */
export function furtherKeysOf(key: string): string[] {
  return [`${key}:shared`, `${key}:queue`, `${key}:waiter`, `${key}:fence`];
}

/** What stands before an instance in the name of its channel. */
export function channelPrefix(namespace: string): string {
  return `${namespace}:wake:`;
}
