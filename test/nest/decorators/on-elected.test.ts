import { Injectable, Module, Scope, type Type } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  currentLock,
  type Lock,
  LockKeyError,
  LockModule,
  type LockModuleOptions,
  LockOptionsError,
  LockService,
  MemoryLockStore,
  OnElected,
} from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { TestApp } from '../../support/nest.js';

@Injectable()
class Reports {
  readonly terms: Lock[] = [];
  readonly current: (Lock | undefined)[] = [];

  @OnElected('reports', { ttl: '1h' })
  async lead(lock: Lock): Promise<void> {
    this.terms.push(lock);
    this.current.push(currentLock());
  }
}

@Injectable()
class Audits {
  readonly terms: Lock[] = [];

  @OnElected('audits', { service: 'audit' })
  lead(lock: Lock): void {
    this.terms.push(lock);
  }
}

async function start(store: MemoryLockStore, ...providers: Type[]): Promise<TestApp> {
  const options: LockModuleOptions = { store };
  const app = await TestApp.start({
    imports: [LockModule.forRoot(options), LockModule.forRoot({ ...options, namespace: 'a', name: 'audit' })],
    providers,
  });
  onTestFinished(() => app.close());
  return app;
}

describe('@OnElected', () => {
  it('calls the method in one of the applications, and in the next when that shuts down', async () => {
    const store = new MemoryLockStore();
    const [first, second] = [await start(store, Reports), await start(store, Reports)];
    const [leader, follower] = [first.get(Reports), second.get(Reports)];
    await until(() => leader.terms.length === 1);
    await until(async () => (await second.get(LockService).inspect('reports')).waiting.length === 1);
    expect(leader.current[0]).toBe(leader.terms[0]);
    expect(follower.terms).toEqual([]);
    const closed = first.close();
    await until(() => follower.terms.length === 1);
    await closed;
    expect(leader.terms[0]?.signal.aborted).toBe(true);
    expect(follower.terms[0]?.fencingToken).toBeGreaterThan(leader.terms[0]?.fencingToken ?? 0);
  });

  it('stands for election with the service that it names, and inherited methods do, once for each object', async () => {
    class MonthlyReports extends Reports {}
    const store = new MemoryLockStore();
    const app = await start(store, MonthlyReports, Audits);
    const [reports, audits] = [app.get(MonthlyReports), app.get(Audits)];
    await until(() => reports.terms.length === 1 && audits.terms.length === 1);
    const { holders, waiting } = await app.get(LockService).inspect('reports');
    expect([holders.length, waiting.length]).toEqual([1, 0]);
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])('fails at boot on an object that is made more than once', async (scope) => {
    @Injectable({ scope })
    class Many extends Reports {}

    @Injectable()
    class User {
      constructor(readonly many: Many) {}
    }
    await expect(start(new MemoryLockStore(), Many, User)).rejects.toThrow(LockOptionsError);
  });

  it('stands once for an object, also where another module has a service of its own', async () => {
    @Module({ imports: [LockModule.forRoot({ store: 'memory', isGlobal: false })], providers: [Reports] })
    class First {}

    @Module({ imports: [LockModule.forRoot({ store: 'memory', isGlobal: false, name: 'b' })] })
    class Second {}
    const app = await TestApp.start({ imports: [First, Second] });
    onTestFinished(() => app.close());
    const reports = app.get(Reports);
    await until(() => reports.terms.length > 0);
    await new Promise(setImmediate);
    expect(reports.terms).toHaveLength(1);
  });

  it('fails at boot without its registration', async () => {
    await expect(TestApp.start({ providers: [Reports] })).rejects.toThrow(/LockService/);
    const imports = [LockModule.forRoot({ store: 'memory' })];
    await expect(TestApp.start({ imports, providers: [Audits] })).rejects.toThrow(/audit/);
  });

  it('refuses at definition what can be known then', () => {
    const on = (target: object, ...[name, options]: Parameters<typeof OnElected>): void => {
      const descriptor = { value: () => {} };
      OnElected(name, options)(target, 'lead', descriptor);
    };
    class Any {}
    expect(() => on(Any.prototype, '')).toThrow(LockKeyError);
    expect(() => on(Any.prototype, 'name', { ttl: 0 })).toThrow(LockOptionsError);
    expect(() => on(Any.prototype, 'name', { service: '' })).toThrow(LockOptionsError);
    expect(() => on(Any, 'name')).toThrow(LockOptionsError);
    expect(() => OnElected('name')(Any.prototype, 'lead', {})).toThrow(LockOptionsError);
  });
});
