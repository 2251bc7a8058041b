import { slotOf, tagOfSlot } from './slots.js';

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is for.
const UNSAFE = /[{}%\x00-\x1f\x7f-\x9f]/;
const EACH_UNSAFE = new RegExp(UNSAFE, 'g');

/**
 * The key of a lock; its other keys are this one with a suffix. The name stands in braces, the hash tag of Redis Cluster,
 * so that all of them share a slot; what could end the tag early is encoded.
 */
export function keyOf(namespace: string, name: string): string {
  return `${namespace}:{${tagOf(name)}}`;
}

function tagOf(name: string): string {
  return UNSAFE.test(name) ? name.replace(EACH_UNSAFE, encodeURIComponent) : name;
}

/** The key of the last token: one for all locks. */
export function fenceOf(namespace: string): string {
  return `${namespace}:fence`;
}

/** On a Cluster: one for those in the slot of this name. */
export function fenceOfSlot(namespace: string, name: string): string {
  return fenceOf(`${namespace}:{${tagOfSlot(slotOf(tagOf(name)))}}`);
}

/** The other keys of the lock with this key. */
export function furtherKeysOf(key: string): string[] {
  return [`${key}:shared`, `${key}:bounds`, `${key}:queue`, `${key}:epoch`, `${key}:waiter`, `${key}:done`];
}

/** What `SCAN` finds the keys of the locks by whose names begin with `prefix`. */
export function keyPattern(namespace: string, prefix: string): string {
  const start = keyOf(namespace, prefix).slice(0, -1);
  return `${start.replace(/[\\*?[\]]/g, '\\$&')}*`;
}

/** The name of the lock whose holders or queue a key has; undefined for any other. */
export function nameOfKey(namespace: string, key: string): string | undefined {
  if (!key.startsWith(`${namespace}:{`)) return undefined;
  const [, name] = /^\{([^}]*)\}(?::shared|:queue)?$/.exec(key.slice(namespace.length + 1)) ?? [];
  try {
    return name && decodeURIComponent(name);
  } catch {
    // No key of ours.
    return undefined;
  }
}

/** What stands before an instance in the name of its channel. */
export function channelPrefix(namespace: string): string {
  return `${namespace}:wake:`;
}
