import { Injectable, Module, type Type } from '@nestjs/common';
import { LazyModuleLoader } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  getLockServiceToken,
  InjectLocks,
  Locked,
  LockModule,
  type LockModuleOptions,
  LockOptionsError,
  LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

const store = new MemoryLockStore();
type Registration = ReturnType<typeof LockModule.forRoot>;

@Injectable()
class Stock {
  @Locked('order:<id>')
  async reserve(id: string): Promise<string> {
    return `reserved ${id}`;
  }
}

/** A module that registers what it needs, as each team does. */
function moduleWith(...locks: (Registration | Type)[]): Type {
  @Module({ imports: locks, providers: [Stock], exports: [Stock] })
  class Feature {}
  return Feature;
}

const forRoot = (more: Partial<LockModuleOptions> & { name?: string; isGlobal?: boolean } = {}) =>
  LockModule.forRoot({ store, ...more });
const forRootAsync = (more: { name?: string; isGlobal?: boolean } = {}) =>
  LockModule.forRootAsync({ useFactory: async () => ({ store }), ...more });

async function boot(...imports: (Registration | Type)[]): Promise<TestApp> {
  const app = await TestApp.start({ imports });
  onTestFinished(() => app.close());
  return app;
}

describe('A second registration of the same name is refused at boot', () => {
  it.each<[string, () => (Registration | Type)[], RegExp]>([
    ['twice in one module', () => [forRoot(), forRoot({ namespace: 'b' })], /2 times without a name/],
    ['in two modules', () => [moduleWith(forRoot()), forRoot({ namespace: 'b' })], /without a name/],
    ['with the same options', () => [moduleWith(forRoot()), moduleWith(forRoot())], /without a name/],
    ['three times', () => [moduleWith(forRoot()), moduleWith(forRoot()), forRoot()], /3 times/],
    ['forRootAsync twice', () => [moduleWith(forRootAsync()), forRootAsync()], /without a name/],
    ['forRoot and forRootAsync', () => [moduleWith(forRoot()), forRootAsync()], /without a name/],
    [
      'neither of them global',
      () => [moduleWith(forRoot({ isGlobal: false })), moduleWith(forRoot({ isGlobal: false }))],
      /without a name/,
    ],
    ['under one name', () => [moduleWith(forRoot(), forRoot({ name: 'b' })), forRootAsync({ name: 'b' })], /name "b"/],
  ])('%s', async (_how, imports, says) => {
    const error = await boot(...imports()).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(LockOptionsError);
    expect((error as LockOptionsError).message).toMatch(says);
    expect((error as LockOptionsError).message).toMatch(/import it once.*`name`/);
  });

  it('also when a module is loaded lazily', async () => {
    const app = await boot(forRoot());
    const loader = app.get(LazyModuleLoader);
    await expect(loader.load(() => moduleWith(forRoot({ namespace: 'b' })))).rejects.toThrow(LockOptionsError);
  });
});

describe('Not refused is', () => {
  it('one without a name, and others with a name each', async () => {
    @Injectable()
    class User {
      constructor(
        readonly locks: LockService,
        @InjectLocks('a') readonly a: LockService,
        @InjectLocks('b') readonly b: LockService,
      ) {}
    }
    @Module({ imports: [forRoot(), forRoot({ name: 'a' }), forRootAsync({ name: 'b' })], providers: [User] })
    class Feature {}
    const app = await boot(Feature);
    const { locks, a, b } = app.get(User);
    expect(new Set([locks, a, b]).size).toBe(3);
  });

  it('one registration that several modules import', async () => {
    for (const locks of [forRoot(), forRootAsync(), forRoot({ isGlobal: false })]) {
      const app = await boot(moduleWith(locks), moduleWith(locks, moduleWith(locks)), locks);
      expect(await app.get(Stock).reserve('7')).toBe('reserved 7');
    }
  });

  it('what Nest takes for the same module', async () => {
    const metadata = { imports: [moduleWith(forRoot()), moduleWith(forRoot())] };
    const module = await Test.createTestingModule(metadata, { moduleIdGeneratorAlgorithm: 'deep-hash' }).compile();
    onTestFinished(() => module.close());
    expect(await module.get(Stock, { strict: false }).reserve('7')).toBe('reserved 7');
  });

  it('the same registration in several applications of one process, at once and after each other', async () => {
    const locks = forRoot();
    const apps = await Promise.all([boot(moduleWith(locks)), boot(moduleWith(locks)), boot(forRoot(), moduleWith())]);
    const services = apps.map((app) => app.get(LockService));
    expect(new Set(services).size).toBe(3);
    await apps[0]?.close();
    expect(await apps[1]?.get(Stock).reserve('7')).toBe('reserved 7');
    await boot(locks);
  });

  it('a module that is loaded lazily, with the registration of the application or the only one', async () => {
    const locks = forRoot();
    const app = await boot(locks);
    const loaded = await app.get(LazyModuleLoader).load(() => moduleWith(locks));
    expect(await loaded.get(Stock).reserve('7')).toBe('reserved 7');

    const empty = await boot();
    const first = await empty.get(LazyModuleLoader).load(() => moduleWith(forRoot({ isGlobal: false })));
    expect(await first.get(Stock).reserve('8')).toBe('reserved 8');
  });

  it('a testing module that puts another provider in the place of the service', async () => {
    const fake = { run: async () => 'fake' };
    const module = await Test.createTestingModule({ imports: [moduleWith(forRoot())] })
      .overrideProvider(LockService)
      .useValue(fake)
      .compile();
    onTestFinished(() => module.close());
    expect(module.get(LockService)).toBe(fake);
    expect(module.get(getLockServiceToken())).toBe(fake);
  });

  it('a testing module that puts another module in the place of the registration', async () => {
    const locks = forRoot({ namespace: 'for-production' });
    const module = await Test.createTestingModule({ imports: [moduleWith(locks), locks] })
      .overrideModule(locks)
      .useModule(forRoot())
      .compile();
    onTestFinished(() => module.close());
    expect(await module.get(Stock, { strict: false }).reserve('7')).toBe('reserved 7');
  });
});
