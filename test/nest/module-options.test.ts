import { Logger } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { createLockService, LockModule, type LockModuleOptions, LockOptionsError } from '../../lib/index.js';
import { deferred } from '../support/event.js';
import { TestApp } from '../support/nest.js';

const SECRET = 'hunter2';
const URL_WITH_SECRET = `redis://shop:${SECRET}@127.0.0.1:1`;

/** What is wrong, and what the message has to name. */
const WRONG: [problem: string, options: unknown, named: RegExp][] = [
  ['no store at all', {}, /`redis`, `quorum` and `store`/],
  ['no options at all', undefined, /LockModule/],
  ['two stores', { redis: URL_WITH_SECRET, store: 'memory' }, /exactly one of `redis`, `quorum` and `store`/],
  ['a server and a quorum', { redis: URL_WITH_SECRET, quorum: [] }, /exactly one of `redis`, `quorum` and `store`/],
  ['a quorum of two', { quorum: [URL_WITH_SECRET, 'redis://b'] }, /`quorum` .* at least 3/],
  ['a quorum that is a URL', { quorum: URL_WITH_SECRET }, /`quorum`/],
  [
    'a quorum with the same server twice',
    { quorum: [URL_WITH_SECRET, 'redis://b', URL_WITH_SECRET] },
    /`quorum` .*twice/,
  ],
  ['a quorum with something else in it', { quorum: [URL_WITH_SECRET, 'redis://b', `:${SECRET}@c`] }, /neither a URL/],
  [
    'a quorum with Sentinels',
    { quorum: [URL_WITH_SECRET, 'redis://b', { sentinels: [], name: 'a' }] },
    /`quorum` .*single/,
  ],
  ['a quorum with a Cluster', { quorum: [URL_WITH_SECRET, 'redis://b', { isCluster: true }] }, /`quorum` .*single/],
  ['a longestTtl of nothing', { store: 'memory', longestTtl: 0 }, /`longestTtl`/],
  [
    'defaults with a longer ttl',
    { store: 'memory', longestTtl: '10s', defaults: { ttl: '30s' } },
    /`ttl` is 30000 ms.*`longestTtl`/,
  ],
  ['an unknown option', { store: 'memory', tll: '30s' }, /`tll`/],
  ['an unknown option beside a URL', { url: URL_WITH_SECRET }, /`url`/],
  ['an unknown lock option in defaults', { store: 'memory', defaults: { tll: '30s' } }, /`tll` in `defaults`/],
  ['an option of @Locked in defaults', { store: 'memory', defaults: { onBusy: 'skip' } }, /`onBusy` in `defaults`/],
  ['a bad duration in defaults', { store: 'memory', defaults: { wait: '10 s' } }, /`wait`/],
  ['a ttl of nothing in defaults', { store: 'memory', defaults: { ttl: 0 } }, /`ttl`/],
  ['an endless ttl in defaults', { store: 'memory', defaults: { ttl: Number.POSITIVE_INFINITY } }, /`ttl`/],
  ['permits without a shared mode in defaults', { store: 'memory', defaults: { permits: 3 } }, /`permits`/],
  ['defaults that are no object', { store: 'memory', defaults: '30s' }, /`defaults`/],
  ['an empty namespace', { store: 'memory', namespace: '' }, /`namespace`/],
  ['a namespace with braces', { store: 'memory', namespace: 'shop{1}' }, /`namespace`/],
  ['a namespace with a blank', { store: 'memory', namespace: 'my shop' }, /`namespace`/],
  ['a namespace that is no text', { store: 'memory', namespace: 5 }, /`namespace`/],
  ['an empty instance', { store: 'memory', instance: '' }, /`instance`/],
  ['a very long instance', { store: 'memory', instance: 'x'.repeat(65) }, /`instance`/],
  ['a commandTimeout of nothing', { store: 'memory', commandTimeout: 0 }, /`commandTimeout`/],
  ['a commandTimeout without a unit', { store: 'memory', commandTimeout: '5' }, /`commandTimeout`/],
  ['an endless commandTimeout', { store: 'memory', commandTimeout: Number.POSITIVE_INFINITY }, /`commandTimeout`/],
  ['a shutdownGrace below zero', { store: 'memory', shutdownGrace: -1 }, /`shutdownGrace`/],
  ['a shutdownGrace that is no number', { store: 'memory', shutdownGrace: Number.NaN }, /`shutdownGrace`/],
  ['a localHandOver that is no object', { store: 'memory', localHandOver: 16 }, /`localHandOver`/],
  ['an unknown option in localHandOver', { store: 'memory', localHandOver: { most: 1 } }, /`most` in `localHandOver`/],
  ['a broken localHandOver.max', { store: 'memory', localHandOver: { max: 1.5 } }, /`localHandOver.max`/],
  ['a localHandOver.max below zero', { store: 'memory', localHandOver: { max: -1 } }, /`localHandOver.max`/],
  ['a bad localHandOver.within', { store: 'memory', localHandOver: { within: 'soon' } }, /`localHandOver.within`/],
  ['a logger that cannot warn', { store: 'memory', logger: { error: () => {} } }, /`logger`/],
  ['a logger that is switched off', { store: 'memory', logger: false }, /`logger`/],
  ['a store of an unknown name', { store: 'redis' }, /`store`/],
  ['a store that lacks a method', { store: { acquire: () => {} } }, /`store` .*lacks renew/],
  ['a store that is the URL', { store: URL_WITH_SECRET }, /`store`/],
  ['a store that is the options of ioredis', { store: { host: 'localhost', password: SECRET } }, /`store`/],
  ['a URL that is not of Redis', { redis: `http://:${SECRET}@localhost` }, /`redis`/],
  ['a host instead of a URL', { redis: `:${SECRET}@localhost:6379` }, /`redis`/],
  ['no text and no object as redis', { redis: 6379 }, /`redis`/],
  ['null as redis', { redis: null }, /`redis`/],
  ['several servers as redis', { redis: [URL_WITH_SECRET] }, /`redis`/],
  ['a URL object as redis', { redis: new URL(URL_WITH_SECRET) }, /`redis`/],
  ['the URL instead of options', URL_WITH_SECRET, /options of LockModule/],
  ['an array instead of options', [URL_WITH_SECRET], /options of LockModule/],
];

async function refusal(attempt: () => unknown): Promise<LockOptionsError> {
  try {
    await attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(LockOptionsError);
    return error as LockOptionsError;
  }
  throw new Error('The options were accepted');
}

describe('Wrong options', () => {
  it.each(WRONG)('%s: forRoot refuses when it is called', async (_problem, options, named) => {
    const { message, code } = await refusal(() => LockModule.forRoot(options as LockModuleOptions));
    expect(code).toBe('LOCK_OPTIONS');
    expect(message).toMatch(named);
    expect(message).not.toContain(SECRET);
  });

  it.each(WRONG)('%s: forRootAsync refuses at boot', async (_problem, options, named) => {
    const locks = LockModule.forRootAsync({ useFactory: () => options as LockModuleOptions });
    const { message } = await refusal(() => TestApp.start({ imports: [locks] }));
    expect(message).toMatch(named);
    expect(message).not.toContain(SECRET);
  });

  it.each(WRONG)('%s: createLockService refuses', async (_problem, options, named) => {
    const { message } = await refusal(() => createLockService(options as LockModuleOptions));
    expect(message).toMatch(named);
    expect(message).not.toContain(SECRET);
  });
});

describe('Right options', () => {
  const logger = { warn: () => {}, error: () => {} };
  const RIGHT: [what: string, options: LockModuleOptions][] = [
    ['the least', { store: 'memory' }],
    ['zeros where they mean something', { store: 'memory', shutdownGrace: 0, localHandOver: { max: 0, within: 0 } }],
    [
      'options that are left undefined',
      { store: 'memory', namespace: undefined, defaults: undefined, redis: undefined },
    ],
    ['a logger of Nest, and the console', { store: 'memory', logger: new Logger('test') }],
    ['the console', { store: 'memory', logger: console }],
    [
      'all of them',
      {
        store: 'memory',
        namespace: 'shop:eu',
        instance: 'till 7 (Köln)',
        commandTimeout: '1.5s',
        shutdownGrace: '2m',
        localHandOver: { max: 4, within: '5ms' },
        logger,
        defaults: {
          ttl: '1m',
          wait: Number.POSITIVE_INFINITY,
          mode: 'shared',
          permits: 3,
          maxHold: '1h',
          onLost: 'ignore',
        },
      },
    ],
  ];

  it.each(RIGHT)('%s', async (_what, options) => {
    expect(LockModule.forRoot(options)).toMatchObject({ module: LockModule, global: true });
    await using service = await createLockService(options);
    await using lock = await service.acquire('a');
    expect(lock.held).toBe(true);
  });

  it('do not wait for Redis: the application boots without it, and the calls say what is wrong', async () => {
    const redis = URL_WITH_SECRET; // Where nothing listens.
    const warned = deferred<string>();
    const logger = { warn: warned.resolve, error: () => {} };
    const service = await createLockService({ redis, commandTimeout: 50, shutdownGrace: 0, logger });
    await using _closing = service;
    await expect(service.acquire('a')).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE', lockName: 'a' });
    expect(await warned.promise).toMatch(/Redis cannot be reached/);
    expect(await warned.promise).not.toContain(SECRET);
  });
});
