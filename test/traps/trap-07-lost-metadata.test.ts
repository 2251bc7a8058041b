import { Controller, Get, UseGuards } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { beforeEach, describe, expect, it } from 'vitest';
import { Locked, LockModule } from '../../lib/index.js';
import { until } from '../support/event.js';
import { TestApp } from '../support/nest.js';
import { useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';
import { Above, Below, Between, Plain, RoleGuard, ran } from './fixtures/decorated.js';

describe('trap 7: metadata of other decorators is lost', () => {
  beforeEach(() => {
    ran.length = 0;
  });

  describe.each([
    ['above', Above],
    ['below', Below],
  ])('with the others %s @Locked', (order, Class) => {
    const redis = useRedis();

    it('the method keeps its name, length, own properties and metadata', () => {
      const { pay } = Class.prototype;
      const plain = Plain.prototype.pay;
      expect([pay.name, pay.length]).toEqual([plain.name, plain.length]);
      expect(pay).toHaveProperty('owned', 'property');
      for (const key of Reflect.getMetadataKeys(plain)) {
        expect(Reflect.getMetadata(key, pay)).toEqual(Reflect.getMetadata(key, plain));
      }
      expect(Reflect.getMetadataKeys(pay)).toEqual(
        expect.arrayContaining(['role', 'swagger/apiOperation', 'path', 'method']),
      );
      expect(Reflect.getMetadata('by-key', Class.prototype, 'pay')).toBe('value');
      expect(Reflect.getMetadata('design:paramtypes', Class.prototype, 'pay')).toEqual([Number, String, Object]);
      expect(Reflect.getMetadata('design:returntype', Class.prototype, 'pay')).toBe(Promise);
    });

    describe.each(bothStores(redis))('in $name', (store) => {
      const start = (): Promise<TestApp> => {
        const imports = [LockModule.forRoot(store.shared()), ScheduleModule.forRoot(), EventEmitterModule.forRoot()];
        return TestApp.start({ imports, controllers: [Class] });
      };

      it('a route keeps its path, guards, status, headers, parameters and pipes', async () => {
        await using app = await start();
        const answer = await app.fetch(`/${order}/pay/7?card=visa`);
        expect(await answer.json()).toEqual({ id: 7, card: 'visa', extra: 0 });
        expect([answer.status, answer.headers.get('x-kind')]).toEqual([202, 'guarded']);
        expect(ran).toContain('pay under pay:7');
        expect((await app.fetch(`/${order}/pay/seven`)).status).toBe(400);
        const headers = { 'content-type': 'application/json' };
        const posted = await app.fetch(`/${order}/order`, { method: 'POST', headers, body: '{"article":"shoe"}' });
        expect(await posted.json()).toEqual({ typed: true });
        expect(ran).toContain('order under order:shoe');
      });

      it('jobs, intervals and timeouts run', async () => {
        await using app = await start();
        app.get(SchedulerRegistry).getCronJob(`${order}-cron`).fireOnTick();
        const name = Class.name;
        const expected = [`job under ${name}.job`, `often under ${name}.often`, `once under ${name}.once`];
        await until(() => expected.every((each) => ran.includes(each)), { describe: expected.join() });
        expect(app.log.errors).toEqual([]);
      });

      it('event listeners hear', async () => {
        await using app = await start();
        expect(await app.get(EventEmitter2).emitAsync('paid', 'o-1')).toEqual(['o-1']);
        expect(ran).toContain('onPaid under paid:o-1');
      });
    });
  });

  it('two @Locked and decorators on both sides of them work together', async () => {
    const imports = [LockModule.forRoot({ store: 'memory' })];
    await using app = await TestApp.start({ imports, controllers: [Between] });
    const answer = await app.fetch('/between/pay/7');
    expect(await answer.json()).toEqual({ id: '7' });
    expect(answer.headers.get('second-guard')).toBe('pay');
    expect(ran).toEqual(['pay under inner:7']);
  });

  it('a guard that finds no metadata refuses, so that the tests above prove something', async () => {
    @Controller()
    class Bare {
      @Get('pay')
      @UseGuards(RoleGuard)
      @Locked('pay')
      async pay(): Promise<void> {}
    }
    const imports = [LockModule.forRoot({ store: 'memory' })];
    await using app = await TestApp.start({ imports, controllers: [Bare] });
    expect((await app.fetch('/pay')).status).toBe(403);
  });
});
