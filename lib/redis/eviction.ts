import type { LockLogger } from '../core/service-options.js';
import type { Connection } from './connection.js';

/** Says once when Redis may evict lock keys. Says nothing when it may not look, or is not answered. */
export function warnOfEviction(connection: Connection, logger: LockLogger | undefined): void {
  if (!logger || !connection.client.info) return;
  let looked = false;
  const look = async (): Promise<void> => {
    if (looked) return;
    looked = true;
    const info = await connection.client.info?.('memory').catch(() => undefined);
    const [, policy] = /^maxmemory_policy:(\S+)/m.exec(String(info)) ?? [];
    if (policy === undefined || policy === 'noeviction') return;
    logger.warn(
      `Redis has the eviction policy ${policy}: when its memory is full, locks vanish while they are held. ` +
        'Set maxmemory-policy to noeviction, or use a Redis of its own for locks.',
    );
  };
  connection.onReady(() => void look());
  if (connection.ready) void look();
}
