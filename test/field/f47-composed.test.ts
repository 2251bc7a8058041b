// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { applyDecorators, Injectable, SetMetadata } from '@nestjs/common';
import { Cron, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { describe, expect, it } from 'vitest';
import {
  currentLock,
  Locked,
  type LockedDecorator,
  LockKeyError,
  LockModule,
  LockOptionsError,
  LockService,
  Once,
} from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

/** As Nest's documentation composes decorators. */
const OnOne = (cron: string, name: string) =>
  applyDecorators(Cron(cron, { name }), Locked(`cron:${name}`, { onBusy: 'skip', holdAtLeast: '50s' }));
const OnOneTheOtherWay = (cron: string, name: string) =>
  applyDecorators(Locked(`cron:${name}`, { onBusy: 'skip' }), Cron(cron, { name }));
const Exclusive = (key: string) => applyDecorators(SetMetadata('exclusive', key), Locked(key));
const Single = (key: string) => applyDecorators(Once(key, { remember: '1d' }), SetMetadata('single', key));
/** Typed as what it is composed of, so that the compiler checks the methods. */
const Skipping = (key: string): LockedDecorator<string, true> =>
  applyDecorators(SetMetadata('skipping', key), Locked(key, { onBusy: 'skip' }));
const ByType = (key: string): MethodDecorator => Locked(key);
const ByHand =
  (key: string): MethodDecorator =>
  (target, method, descriptor) =>
    Locked(key)(target, method, descriptor);

const YEARLY = '0 0 1 1 *';

@Injectable()
class Jobs {
  readonly ran: (string | undefined)[] = [];

  @OnOne(YEARLY, 'above')
  async above(): Promise<void> {
    this.ran.push(currentLock()?.name);
  }

  @OnOneTheOtherWay(YEARLY, 'below')
  async below(): Promise<void> {
    this.ran.push(currentLock()?.name);
  }

  @Exclusive('order:<id>')
  async exclusive(id: string): Promise<unknown> {
    return currentLock()?.name;
  }

  @Single('single:<id>')
  async single(id: string): Promise<unknown> {
    return currentLock()?.name;
  }

  @Skipping('skip:<id>')
  async skipping(id: string): Promise<string | undefined> {
    return currentLock()?.name;
  }

  @ByType('type:<id>')
  async byType(id: string): Promise<unknown> {
    return currentLock()?.name;
  }

  @ByHand('hand:<id>')
  async byHand(id: string): Promise<unknown> {
    return currentLock()?.name;
  }

  // @ts-expect-error a skipped call has no number to return
  @Skipping('skip:<id>')
  async checked(id: string): Promise<number> {
    return 1;
  }
}

describe('A decorator that is composed of others', () => {
  it('locks, in either order, by applyDecorators, by type and by hand', async () => {
    const imports = [LockModule.forRoot({ store: 'memory' })];
    await using app = await TestApp.start({ imports, providers: [Jobs] });
    const jobs = app.get(Jobs);
    expect(await jobs.exclusive('7')).toBe('order:7');
    expect(await jobs.single('7')).toBe('single:7');
    expect(await jobs.single('7')).toBeUndefined();
    expect(await jobs.skipping('7')).toBe('skip:7');
    expect(await jobs.byType('7')).toBe('type:7');
    expect(await jobs.byHand('7')).toBe('hand:7');
    await using _held = await app.get(LockService).acquire('skip:7');
    expect(await jobs.skipping('7')).toBeUndefined();
  });

  it('keeps the metadata, in either order', async () => {
    expect(Reflect.getMetadata('exclusive', Jobs.prototype.exclusive)).toBe('order:<id>');
    expect(Reflect.getMetadata('single', Jobs.prototype.single)).toBe('single:<id>');

    const imports = [LockModule.forRoot({ store: 'memory' }), ScheduleModule.forRoot()];
    await using app = await TestApp.start({ imports, providers: [Jobs] });
    const registry = app.get(SchedulerRegistry);
    for (const name of ['above', 'below']) await registry.getCronJob(name).fireOnTick();
    expect(app.get(Jobs).ran).toEqual(['cron:above', 'cron:below']);
  });

  it('refuses a wrong use when the class is defined', () => {
    expect(() => {
      class Orders {
        @Exclusive('order:<id>')
        async pay(orderId: string): Promise<void> {}
      }
      return Orders;
    }).toThrow(LockKeyError);
    expect(() => Exclusive('orders')(class Orders {})).toThrow(LockOptionsError);
  });
});
