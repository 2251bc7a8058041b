// That all of this compiles is checked by `npm run typecheck`, which has `strict` and `exactOptionalPropertyTypes`.
import { Injectable, Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  createLockService,
  LockModule,
  type LockModuleOptions,
  LockOptionsError,
  type LockOptionsFactory,
} from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

const { NO_SUCH_URL, NO_SUCH_HOST } = process.env;

/** What is undefined at run time, and what the boot has to say of it. */
const UNDEFINED: [what: string, options: LockModuleOptions, says: RegExp][] = [
  ['redis', { redis: NO_SUCH_URL }, /`redis` is undefined/],
  ['redis, beside other options', { redis: NO_SUCH_URL, namespace: 'shop' }, /`redis` is undefined/],
  ['quorum', { quorum: undefined }, /`quorum` is undefined/],
  ['store', { store: undefined }, /`store` is undefined/],
  ['two of them', { redis: NO_SUCH_URL, store: undefined }, /`redis` and `store` are undefined/],
  ['all', { redis: NO_SUCH_URL, quorum: undefined, store: undefined }, /`redis`, `quorum` and `store` are undefined/],
  ['none, since none is there', {}, /none: give `redis`/],
  ['a server of the quorum', { quorum: ['redis://a', NO_SUCH_URL, 'redis://c'] }, /`quorum\[1\]` is undefined/],
  ['the host', { redis: { host: NO_SUCH_HOST, port: 6379 } }, /`redis` .*`host` is undefined/],
  ['what a URL is made of', { redis: `redis://${NO_SUCH_HOST}:6379` }, /`redis` .*"undefined"/],
  ['an empty string', { redis: NO_SUCH_URL ?? '' }, /`redis` is an empty string/],
];

const message = (attempt: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(attempt)
    .then(
      () => 'accepted',
      (error: Error) => (error instanceof LockOptionsError ? error.message : `no LockOptionsError, but ${error}`),
    );

describe('The boot says which option was undefined', () => {
  it.each(UNDEFINED)('%s', async (_what, options, says) => {
    @Injectable()
    class Settings implements LockOptionsFactory {
      create(): LockModuleOptions {
        return options;
      }
    }

    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}

    expect(await message(() => LockModule.forRoot(options))).toMatch(says);
    expect(await message(() => createLockService(options))).toMatch(says);
    for (const locks of [
      LockModule.forRootAsync({ useFactory: async () => options }),
      LockModule.forRootAsync({ useClass: Settings }),
      LockModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings }),
    ]) {
      expect(await message(() => TestApp.start({ imports: [locks] }))).toMatch(says);
    }
  });

  it('and boots when the one that counts is there', async () => {
    const locks = LockModule.forRoot({ redis: NO_SUCH_URL, quorum: undefined, store: 'memory' });
    await using _app = await TestApp.start({ imports: [locks] });
  });
});
