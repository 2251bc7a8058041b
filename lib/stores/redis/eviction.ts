import type { LockLogger } from '../../core/logger.js';
import type { Connection } from './connection.js';
import { lookAt } from './look.js';

/** After so many looks that were not answered, none is made any more. */
const LOOKS = 3;

/** Says once when Redis may evict lock keys. Says nothing when it may not look, or is not answered. */
export function warnOfEviction(connection: Connection, logger: LockLogger | undefined): void {
  if (!logger || !connection.client.info) return;
  let left = LOOKS;
  const look = async (): Promise<void> => {
    if (left <= 0) return;
    left -= 1;
    const info = await lookAt(connection.client, 'memory').catch(() => undefined);
    if (info === undefined || left < 0) return;
    left = -1;
    const [, policy] = /^maxmemory_policy:(\S+)/m.exec(info) ?? [];
    if (policy === undefined || policy === 'noeviction') return;
    logger.warn(
      `Redis has the eviction policy ${policy}: when its memory is full, locks vanish while they are held. ` +
        'Set maxmemory-policy to noeviction, or use a Redis of its own for locks.',
    );
  };
  connection.onReady(() => void look());
  if (connection.ready) void look();
}
