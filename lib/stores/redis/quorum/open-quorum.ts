import { LockOptionsError } from '../../../core/errors.js';
import type { LockLogger } from '../../../core/logger.js';
import { Connection } from '../connection.js';
import { ForeignHolders } from '../foreign-holders.js';
import { checkRedisSource, type RedisSource } from '../redis-source.js';
import { withDrift } from './quorum.js';
import { QuorumLockStore } from './quorum-lock-store.js';
import { RedisVoter } from './redis-voter.js';

export interface QuorumOptions {
  readonly namespace: string;
  readonly commandTimeout: number;
  readonly longestTtl: number;
  readonly logger: LockLogger | undefined;
  readonly oneNamePerCall?: boolean | undefined;
}

const FEWEST = 3;
/** One silent server must not hold up what the others can decide. */
const SERVER_TIMEOUT_MS = 500;

/** Throws `LockOptionsError` for what is no quorum. Shows nothing of it, since it may contain a password. */
export function checkQuorum(quorum: unknown): asserts quorum is readonly RedisSource[] {
  if (!Array.isArray(quorum) || quorum.length < FEWEST) {
    throw new LockOptionsError(
      `The option \`quorum\` is not an array of at least ${FEWEST} servers: give ${FEWEST} or 5, each a URL, ioredis options or a client.`,
    );
  }
  quorum.forEach(checkServer);
  if (new Set(quorum).size < quorum.length) {
    throw new LockOptionsError(
      'The option `quorum` has the same server twice, which would vote twice: give each once.',
    );
  }
}

export async function openQuorum(sources: readonly RedisSource[], options: QuorumOptions): Promise<QuorumLockStore> {
  const { namespace, longestTtl, logger, oneNamePerCall } = options;
  const commandTimeout = Math.min(options.commandTimeout, SERVER_TIMEOUT_MS);
  const abstinence = withDrift(longestTtl);
  const foreign = new ForeignHolders(logger);
  const open = async (source: RedisSource, index: number): Promise<RedisVoter> => {
    const named = logger && naming(index + 1, logger);
    const connection = await Connection.open(source, named, 'It has no vote until it is back.');
    // A server that is slow for a moment is asked all the same: the others may be slow, too.
    const times = { commandTimeout, patience: options.commandTimeout, abstinence };
    return new RedisVoter({ connection, namespace, ...times, oneNamePerCall, foreign, logger: named });
  };
  return new QuorumLockStore(await Promise.all(sources.map(open)), { patience: options.commandTimeout, logger });
}

/** Says of which server it speaks, by its position: its address may contain a password. */
function naming(position: number, logger: LockLogger): LockLogger {
  const named = (message: string): string => `Server ${position} of the option \`quorum\`: ${message}`;
  return {
    warn: (message) => logger.warn(named(message)),
    error: (message) => logger.error(named(message)),
    log: (message) => (logger.log ? logger.log(named(message)) : logger.warn(named(message))),
  };
}

/** What may fail over by itself to a server that has forgotten its votes is no voter. */
function checkServer(source: unknown, index: number): void {
  if (failsOver(source)) {
    throw new LockOptionsError(
      'The option `quorum` takes single servers, and no Cluster or Sentinels: a fail-over forgets votes that it counts on.',
    );
  }
  checkRedisSource(source, `\`quorum[${index}]\``);
}

function failsOver(source: unknown): boolean {
  if (typeof source !== 'object' || source === null) return false;
  const { isCluster, sentinels, options } = source as { isCluster?: unknown; sentinels?: unknown; options?: unknown };
  if (isCluster === true || (sentinels !== undefined && sentinels !== null)) return true;
  return typeof options === 'object' && options !== null && 'sentinels' in options && Boolean(options.sentinels);
}
