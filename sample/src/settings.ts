import type { LockModuleOptions } from 'nestjs-lock';

export const SERVICES = ['first', 'second'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** What tells one replica from another. A class, so that Nest injects it by its type. */
export class Settings {
  constructor(
    readonly service: ServiceName,
    readonly replica: number,
    /** `file:/path` for the embedded database, `postgres://…` for PostgreSQL. */
    readonly databaseUrl: string,
    /** Where the replicas meet to lock. */
    readonly locks: LockModuleOptions,
  ) {}

  get name(): string {
    return `${this.service}/${this.replica}`;
  }
}

export function settingsFromEnvironment(env: NodeJS.ProcessEnv): Settings {
  const { SERVICE = 'first', REPLICA = '1', DATABASE_URL = 'file:shop.db' } = env;
  const service = SERVICES.find((name) => name === SERVICE);
  if (!service) throw new Error(`SERVICE is '${SERVICE}': set it to ${SERVICES.join(' or ')}`);
  return new Settings(service, Number(REPLICA), DATABASE_URL, lockOptions(env));
}

function lockOptions({ GUARD, REDIS_URL, LOCK_NAMESPACE = 'shop' }: NodeJS.ProcessEnv): LockModuleOptions {
  if (GUARD === 'off') return UNGUARDED;
  if (!REDIS_URL) throw new Error('REDIS_URL is not set: replicas in processes of their own need a Redis to meet');
  return { redis: REDIS_URL, namespace: LOCK_NAMESPACE };
}

/** Each replica locks in its own memory: right for one process, and worth nothing as soon as there are two. */
export const UNGUARDED: LockModuleOptions = { store: 'memory' };
