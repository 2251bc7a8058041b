import { createHash } from 'node:crypto';
import { instanceOf } from '../../core/instance.js';
import type { Owner, StoreState } from '../../core/lock-store.js';
import type { Locker } from '../../core/locker.js';
import type { LockMode } from '../../core/options.js';
import { WEB_PREFIX, webNameOf } from './web-names.js';

/** A lock that somebody holds or asks for. */
export interface WebLockInfo {
  name: string;
  mode: LockMode;
  /** The same for all requests of one lock service in one process, and for nobody else's. */
  clientId: string;
}

/** The state of all web locks of a store, as it was a moment ago. */
export interface LockManagerSnapshot {
  held: WebLockInfo[];
  /** Those of each name in the order in which they will be granted. */
  pending: WebLockInfo[];
}

/** `asked`: the locks that this client has asked for so far, which the list of the store may be too early for. */
export async function takeSnapshot(locker: Locker, asked: readonly string[]): Promise<LockManagerSnapshot> {
  const snapshot: LockManagerSnapshot = { held: [], pending: [] };
  const lockNames = new Set([...asked, ...(await locker.calls.names(WEB_PREFIX))]);
  const looks = [...lockNames]
    .sort()
    .map(async (lockName) => [webNameOf(lockName), await locker.calls.look(lockName)] as const);
  for (const [name, state] of await Promise.all(looks)) if (name !== undefined) add(snapshot, name, state);
  return snapshot;
}

function add(snapshot: LockManagerSnapshot, name: string, { holders, waiting }: StoreState): void {
  const infoOf = ({ owner, mode }: { owner: Owner; mode: LockMode }): WebLockInfo => {
    return { name, mode, clientId: clientIdOf(owner) };
  };
  for (const holder of holders) if (!holder.retained) snapshot.held.push(infoOf(holder));
  for (const waiter of waiting) snapshot.pending.push(infoOf(waiter));
}

/** Whoever knows the instance itself can act in its name. */
function clientIdOf(owner: Owner): string {
  return createHash('sha256').update(instanceOf(owner)).digest('hex').slice(0, 32);
}
