import { Inject, Injectable, Module } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import {
  getLockServiceToken,
  InjectLocks,
  LockBusyError,
  Locked,
  LockModule,
  type LockModuleOptions,
  type LockOptionsFactory,
  LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

@Injectable()
class Till {
  constructor(readonly locks: LockService) {}

  @Locked('till:<id>')
  async open(id: string): Promise<string> {
    return id;
  }
}

/** Imports nothing: only a global service can reach it. */
@Module({ providers: [Till] })
class TillModule {}

describe('LockModule.forRoot', () => {
  it('gives the service to every module, injected by its type', async () => {
    await using app = await TestApp.start({ imports: [TillModule, LockModule.forRoot({ store: 'memory' })] });
    expect(app.get(Till).locks).toBeInstanceOf(LockService);
    expect(app.get(Till).locks).toBe(app.get(LockService));
    expect(await app.get(Till).open('7')).toBe('7');
  });

  it('keeps the service to the modules that import it when it is not global', async () => {
    const locks = LockModule.forRoot({ store: 'memory', isGlobal: false });

    @Module({ imports: [locks], providers: [Till], exports: [LockModule] })
    class Importing {}
    await using app = await TestApp.start({ imports: [Importing] });
    expect(await app.get(Till).open('7')).toBe('7');

    @Module({ imports: [Importing], providers: [{ provide: 'again', inject: [LockService], useFactory: same }] })
    class OfReexport {}
    await using reexported = await TestApp.start({ imports: [OfReexport] });
    expect(reexported.get('again')).toBe(reexported.get(LockService));

    await expect(TestApp.start({ imports: [locks, TillModule] })).rejects.toThrow(/LockService/);
  });

  it('uses the store that it is given, and its options', async () => {
    const store = new MemoryLockStore();
    const options: LockModuleOptions = { store, instance: 'till-7', defaults: { wait: 0, ttl: '1m' } };
    await using app = await TestApp.start({ imports: [LockModule.forRoot(options)] });
    await using other = await TestApp.start({ imports: [LockModule.forRoot({ store, defaults: { wait: 0 } })] });
    await using held = await app.get(LockService).acquire('a');
    expect(held.remaining()).toBeGreaterThan(30_000);
    await expect(other.get(LockService).acquire('a')).rejects.toMatchObject({ holders: ['till-7'] });
  });
});

describe('LockModule.forRootAsync', () => {
  @Injectable()
  class Settings implements LockOptionsFactory {
    readonly store = new MemoryLockStore();

    create(): LockModuleOptions {
      return { store: this.store };
    }
  }

  @Module({ providers: [Settings], exports: [Settings] })
  class SettingsModule {}

  const storeOf = async (app: TestApp) => {
    const { store } = app.get(Settings);
    await using _held = await app.get(LockService).acquire('a');
    return (await store.inspect('a')).holders;
  };

  it('takes options from a factory that is injected from imported modules, and may be asynchronous', async () => {
    const useFactory = async (settings: Settings): Promise<LockModuleOptions> => settings.create();
    const locks = LockModule.forRootAsync({ imports: [SettingsModule], inject: [Settings], useFactory });
    await using app = await TestApp.start({ imports: [locks, TillModule] });
    expect(await app.get(Till).open('7')).toBe('7');
    expect(await storeOf(app)).toHaveLength(1);
  });

  it('takes options from a class that it makes', async () => {
    await using app = await TestApp.start({ imports: [LockModule.forRootAsync({ useClass: Settings }), TillModule] });
    expect(await app.get(Till).open('7')).toBe('7');
    expect(await storeOf(app)).toHaveLength(1);
  });

  it('takes options from a provider that exists', async () => {
    const locks = LockModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings });
    await using app = await TestApp.start({ imports: [locks, TillModule] });
    expect(await app.get(Till).open('7')).toBe('7');
    expect(await storeOf(app)).toHaveLength(1);
  });

  it('is global unless it is told otherwise', async () => {
    const locks = LockModule.forRootAsync({ isGlobal: false, useFactory: () => ({ store: 'memory' }) });
    await expect(TestApp.start({ imports: [locks, TillModule] })).rejects.toThrow(/LockService/);
    await using app = await TestApp.start({ imports: [locks], providers: [Till] });
    expect(await app.get(Till).open('7')).toBe('7');
  });
});

describe('Several registrations', () => {
  @Injectable()
  class Ledger {
    constructor(
      readonly locks: LockService,
      @InjectLocks() readonly same: LockService,
      @InjectLocks('audit') readonly audit: LockService,
    ) {}

    @InjectLocks('audit')
    readonly property!: LockService;

    @Locked('ledger', { wait: 0 })
    async write(): Promise<string> {
      return 'written';
    }

    @Locked('ledger', { service: 'audit', wait: 0 })
    async check(): Promise<string> {
      return 'checked';
    }
  }

  const both = () => [
    LockModule.forRoot({ store: 'memory' }),
    LockModule.forRoot({ store: 'memory', name: 'audit', isGlobal: true }),
  ];

  it('are injected by name', async () => {
    await using app = await TestApp.start({ imports: both(), providers: [Ledger] });
    const { locks, same, audit, property } = app.get(Ledger);
    expect(audit).toBeInstanceOf(LockService);
    expect(audit).not.toBe(locks);
    expect(same).toBe(locks);
    expect(property).toBe(audit);
    expect(app.get(getLockServiceToken())).toBe(locks);
    expect(app.get(getLockServiceToken('audit'))).toBe(audit);
  });

  it('keep their locks apart, and @Locked uses the one that it names', async () => {
    await using app = await TestApp.start({ imports: both(), providers: [Ledger] });
    const ledger = app.get(Ledger);
    await using _held = await ledger.audit.acquire('ledger');
    await expect(ledger.check()).rejects.toThrow(LockBusyError);
    expect(await ledger.write()).toBe('written');
  });

  it('may all have names, and come asynchronously', async () => {
    const options = { name: 'audit', useFactory: () => ({ store: 'memory' as const }) };

    @Injectable()
    class Auditor {
      constructor(@InjectLocks('audit') readonly locks: LockService) {}

      @Locked('audit', { service: 'audit' })
      async audit(): Promise<boolean> {
        return true;
      }
    }
    await using app = await TestApp.start({ imports: [LockModule.forRootAsync(options)], providers: [Auditor] });
    expect(await app.get(Auditor).audit()).toBe(true);
    expect(() => app.get(LockService)).toThrow();
  });
});

describe('A forgotten module', () => {
  it('fails at boot where a method is guarded, and says what is missing', async () => {
    @Injectable()
    class Forgetful {
      @Locked('work')
      async work(): Promise<void> {}
    }
    await expect(TestApp.start({ providers: [Forgetful] })).rejects.toThrow(/LockService/);
    await expect(TestApp.start({ controllers: [Forgetful] })).rejects.toThrow(/LockService/);
  });

  it('fails at boot where the registration of a guarded method has another name', async () => {
    @Injectable()
    class Forgetful {
      @Locked('work', { service: 'audit' })
      async work(): Promise<void> {}
    }
    const imports = [LockModule.forRoot({ store: 'memory' })];
    await expect(TestApp.start({ imports, providers: [Forgetful] })).rejects.toThrow(/nestjs-lock:service:audit/);
  });

  it('fails at boot where the service is injected', async () => {
    await expect(TestApp.start({ imports: [TillModule] })).rejects.toThrow(/LockService/);

    @Injectable()
    class Named {
      constructor(@Inject(getLockServiceToken('audit')) readonly locks: LockService) {}
    }
    await expect(TestApp.start({ providers: [Named] })).rejects.toThrow(/nestjs-lock:service:audit/);
  });
});

function same<T>(value: T): T {
  return value;
}
