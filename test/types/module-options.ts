// What the module accepts and refuses; compiled by `npm run typecheck`, never run.
import { Injectable, Logger, Module } from '@nestjs/common';
import { Cluster, Redis } from 'ioredis';
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis5';
import {
  createLockService,
  getLockServiceToken,
  LockModule,
  type LockModuleOptions,
  type LockOptionsFactory,
  LockService,
  type LockStore,
  MemoryLockStore,
  type RedisClient,
} from '../../lib/index.js';

declare const redis: Redis;
declare const cluster: Cluster;
declare const redis5: Redis5;
declare const cluster5: Cluster5;
declare const store: LockStore;
declare const likeRedis: RedisClient;
declare const redis5OrNone: Redis5 | undefined;
declare const condition: boolean;

export const good: LockModuleOptions[] = [
  { redis: 'redis://localhost:6379' },
  { redis: { host: 'localhost', port: 6379, password: 'x', tls: {} } },
  { redis: { sentinels: [{ host: 'a', port: 26379 }], name: 'primary' } },
  { redis },
  { redis: cluster },
  { redis: redis5 },
  { redis: cluster5 },
  { redis: redis.duplicate() },
  { redis: new Redis(), store: undefined },
  { redis: new Cluster([]) },
  { redis: new Redis5() },
  { redis: new Cluster5([]) },
  { redis: likeRedis },
  { quorum: ['redis://a', { host: 'b' }, redis] },
  { quorum: [redis, redis5, likeRedis], longestTtl: '1m' },
  { store: 'memory' },
  { store: 'memory', redis: undefined },
  { store: new MemoryLockStore() },
  { store },
  { store: 'memory', logger: new Logger('locks') },
  { store: 'memory', logger: console },
  { store: 'memory', commandTimeout: '1s', shutdownGrace: 0, localHandOver: { max: 0 }, defaults: { wait: '2s' } },
  { store: 'memory', namespace: undefined, instance: undefined, localHandOver: undefined, defaults: undefined },
  condition ? { store: 'memory' } : { redis: 'redis://localhost' },
  // What comes from the environment; that one of them is there is checked at boot.
  { redis: process.env.REDIS_URL },
  { redis: process.env.REDIS_URL, namespace: process.env.NAMESPACE, instance: process.env.HOSTNAME },
  { redis: { host: process.env.REDIS_HOST, password: process.env.REDIS_PASSWORD, tls: undefined } },
  { redis: redis5OrNone },
  { quorum: [process.env.REDIS_A, process.env.REDIS_B, process.env.REDIS_C] },
  { quorum: condition ? ['redis://a', 'redis://b', 'redis://c'] : undefined },
  { store: condition ? 'memory' : undefined, redis: condition ? undefined : process.env.REDIS_URL },
];

// @ts-expect-error no list
export const noList: LockModuleOptions = { quorum: 'redis://a' };
// @ts-expect-error an unknown store
export const unknownStore: LockModuleOptions = { store: 'redis' };
// @ts-expect-error a store without all methods
export const halfStore: LockModuleOptions = { store: { acquire: store.acquire } };
// @ts-expect-error a port instead of a client, a URL or options
export const port: LockModuleOptions = { redis: 6379 };
// @ts-expect-error an unknown option
export const unknownOption: LockModuleOptions = { store: 'memory', tll: '30s' };
// @ts-expect-error an unknown option of the locks
export const unknownDefault: LockModuleOptions = { store: 'memory', defaults: { tll: '30s' } };
// @ts-expect-error a bad duration
export const badDuration: LockModuleOptions = { store: 'memory', commandTimeout: 'soon' };
// @ts-expect-error a logger that cannot warn
export const badLogger: LockModuleOptions = { store: 'memory', logger: { error() {} } };

@Injectable()
class Settings implements LockOptionsFactory {
  readonly url = 'redis://localhost';

  create(): LockModuleOptions {
    return { redis: this.url ?? process.env.REDIS_URL };
  }
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class NoSettings {}

export const modules = [
  LockModule.forRoot({ store: 'memory' }),
  LockModule.forRoot({ redis, name: 'audit', isGlobal: false }),
  LockModule.forRootAsync({ useClass: Settings }),
  LockModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings, name: 'audit' }),
  LockModule.forRootAsync({
    imports: [SettingsModule],
    inject: [Settings],
    useFactory: ({ url }: Settings) => ({ redis: url }),
    isGlobal: false,
  }),
  LockModule.forRootAsync({ useFactory: async (): Promise<LockModuleOptions> => ({ store: 'memory' }) }),
  LockModule.forRoot({ redis: process.env.REDIS_URL }),
  LockModule.forRootAsync({ useFactory: () => ({ redis: process.env.REDIS_URL }) }),
  LockModule.forRootAsync({ useFactory: async () => ({ redis: process.env.REDIS_URL, namespace: 'shop' }) }),
  // @ts-expect-error a name that is no text
  LockModule.forRoot({ store: 'memory', name: 5 }),
  // @ts-expect-error an unknown option
  LockModule.forRoot({ store: 'memory', global: false }),
  // @ts-expect-error a class that makes no options
  LockModule.forRootAsync({ useClass: NoSettings }),
];

export const fromEnvironment = createLockService({ redis: process.env.REDIS_URL });
export const service: Promise<LockService & AsyncDisposable> = createLockService({ redis: redis5 });
// @ts-expect-error `name` is for the module
export const named = createLockService({ store: 'memory', name: 'audit' });

export const token: typeof LockService | symbol = getLockServiceToken('audit');
