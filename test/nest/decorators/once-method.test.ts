// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  currentLock,
  LockModule,
  LockOptionsError,
  LockService,
  type LockStore,
  MemoryLockStore,
  Once,
  type OnceMethodOptions,
} from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { Room, TestApp } from '../../support/nest.js';

const REMEMBER = { remember: '24h' } as const;

describe('A method that runs once', () => {
  @Injectable()
  class Invoices {
    readonly room = new Room();
    readonly calls: string[] = [];

    @Once('invoice:<id>', REMEMBER)
    async issue(id: string): Promise<string | undefined> {
      this.calls.push(`${id} ${currentLock()?.name}`);
      await this.room.visit(id);
      return `issued ${id}`;
    }

    @Once('invoice:<id>', { ...REMEMBER, onBusy: 'skip' })
    async issueOrSkip(id: string): Promise<string | undefined> {
      this.calls.push(id);
      return id;
    }

    @Once('invoice:<id>', { ...REMEMBER, wait: 0 })
    async issueNow(id: string): Promise<void> {
      this.calls.push(id);
    }

    @Once((id: string) => `failing:${id}`, REMEMBER)
    async fail(id: string): Promise<void> {
      this.calls.push(id);
      throw new Error('no paper');
    }

    @Once('report', { ...REMEMBER, service: 'audit' })
    @Cron('0 0 29 2 *')
    async report(): Promise<void> {
      this.calls.push('report');
    }
  }

  let store: LockStore;
  let invoices: Invoices;
  let locks: LockService;
  let audit: LockService;
  beforeEach(async () => {
    store = new MemoryLockStore();
    const app = await TestApp.start({
      imports: [LockModule.forRoot({ store }), LockModule.forRoot({ store: 'memory', name: 'audit' })],
      providers: [Invoices],
    });
    onTestFinished(() => app.close());
    [invoices, locks] = [app.get(Invoices), app.get(LockService)];
    audit = app.get(Symbol.for('nestjs-lock:service:audit'));
  });

  it('returns its value the first time, and undefined ever after', async () => {
    invoices.room.letOut('42');
    invoices.room.letOut('43');
    expect(await invoices.issue('42')).toBe('issued 42');
    expect(await invoices.issue('42')).toBe(undefined);
    expect(await invoices.issue('43')).toBe('issued 43');
    expect(invoices.calls).toEqual(['42 invoice:42', '43 invoice:43']);
  });

  it('is not called by whoever waited for it', async () => {
    const calls = [invoices.issue('42'), invoices.issue('42')];
    await until(() => invoices.room.visitors.length === 1);
    invoices.room.letOut('42');
    expect(await Promise.all(calls)).toEqual(['issued 42', undefined]);
    expect(invoices.calls).toHaveLength(1);
  });

  it('is busy while somebody runs it: an error, or skipped', async () => {
    const other = await createLockService({ store });
    onTestFinished(() => other.close());
    const held = await other.acquire('invoice:42');
    await expect(invoices.issueNow('42')).rejects.toMatchObject({ code: 'LOCK_BUSY', lockName: 'invoice:42' });
    expect(await invoices.issueOrSkip('42')).toBe(undefined);
    expect(invoices.calls).toEqual([]);
    await held.release();
    expect(await invoices.issueOrSkip('42')).toBe('42');
  });

  it('that throws is called again', async () => {
    for (let time = 0; time < 2; time += 1) await expect(invoices.fail('42')).rejects.toThrow('no paper');
    expect(invoices.calls).toEqual(['42', '42']);
  });

  it('is called again after it was forgotten', async () => {
    await invoices.issueOrSkip('42');
    expect(await locks.forget('invoice:42')).toBe(true);
    expect(await invoices.issueOrSkip('42')).toBe('42');
  });

  it('has the service that it names', async () => {
    await invoices.report();
    await invoices.report();
    expect(invoices.calls).toEqual(['report']);
    expect([await locks.forget('report'), await audit.forget('report')]).toEqual([false, true]);
  });

  it.each<[string, unknown]>([
    ['nothing to remember', {}],
    ['no options', undefined],
    ['a shared lock', { ...REMEMBER, mode: 'shared' }],
    ['an unknown way to be busy', { ...REMEMBER, onBusy: 'wait' }],
    ['no duration', { remember: 'for ever' }],
  ])('does not define with %s', (_, options) => {
    const define = (): void => {
      class Wrong {
        @Once('wrong', options as OnceMethodOptions)
        async method(): Promise<void> {}
      }
      void Wrong;
    };
    expect(define).toThrow(LockOptionsError);
  });
});
